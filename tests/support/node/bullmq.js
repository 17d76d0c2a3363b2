// One step of a real BullMQ on one queue, its result as a line of JSON:
//   node bullmq.js PORT PREFIX QUEUE ACTION ARGUMENT
// add {data, opts}         add a job as soketi does
// work {fail, promote}     take one job, fail it with that text or (null) complete it;
//                          with a QueueScheduler beside if `promote`
// hang {}                  take one job, say so, and wait to be killed
// check {}                 run a QueueScheduler's checks until a job stalled or failed by it; says which
// look {}                  what the queue's own getters see
'use strict';

const { Queue, QueueScheduler, Worker } = require('bullmq');

const [port, prefix, name, action, argument] = process.argv.slice(2);
const given = JSON.parse(argument);
const connection = { host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null };
const options = { prefix, connection };

const seen = (job) => ({ id: job.id, attemptsMade: job.attemptsMade, data: job.data });
const say = (value) => process.stdout.write(JSON.stringify(value) + '\n');

async function work() {
  const scheduler = given.promote ? new QueueScheduler(name, options) : null;
  let taken;
  const worker = new Worker(name, async (job) => {
    taken = seen(job);
    worker.pause(true); // this one and no other
    if (given.fail !== null) throw new Error(given.fail);
  }, options);
  await new Promise((done) => {
    worker.on('completed', done);
    worker.on('failed', done);
  });
  await worker.close();
  if (scheduler) await scheduler.close();
  say(taken);
}

async function check() {
  const scheduler = new QueueScheduler(name, { ...options, stalledInterval: 50 });
  const found = await new Promise((done) => {
    for (const event of ['stalled', 'failed']) scheduler.on(event, (id) => done({ event, id }));
  });
  await scheduler.close();
  say(found);
}

async function look() {
  const queue = new Queue(name, options);
  const failed = await queue.getFailed();
  say({
    counts: await queue.getJobCounts('wait', 'active', 'delayed', 'failed', 'completed'),
    failed: failed.map((job) => ({ ...seen(job), reason: job.failedReason, finishedOn: job.finishedOn })),
  });
  await queue.close();
}

async function add() {
  const queue = new Queue(name, options);
  const job = await queue.add('webhook', given.data, given.opts);
  say({ id: job.id });
  await queue.close();
}

function hang() {
  new Worker(name, (job) => new Promise(() => say(seen(job))), options);
}

Promise.resolve({ add, work, check, look, hang }[action]()).catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
