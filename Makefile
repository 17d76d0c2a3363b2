VENV := .venv
PY := $(VENV)/bin/python

typing-links:
	@mkdir -p build/typing/sockq
	@for d in drivers workers supervisor; do ln -sfn ../../../$$d build/typing/sockq/$$d; done
.PHONY: typing-links
