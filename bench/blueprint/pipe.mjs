// The blueprint end to end: webhook, answer, Salesforce; with Redis, a BullMQ job in between.
// node pipe.mjs server|worker PORT REDIS_PORT|0 SECRET_FILE ORG_URL CLIENT_ID CLIENT_SECRET
import { createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Queue, Worker } from 'bullmq';
import express from 'express';
import { Redis } from 'ioredis';
import { Salesforce } from './dispatch.mjs';

const [role, port, redisPort, secretFile, ...org] = process.argv.slice(2);
const secret = readFileSync(secretFile);
const salesforce = new Salesforce(...org);
const connection = () => new Redis(Number(redisPort), '127.0.0.1', { maxRetriesPerRequest: null });
const isQueued = redisPort !== '0';
const app = express();
app.use(express.raw({ type: 'application/json', limit: '5mb' }));
app.get('/readyz', (_request, response) => response.end('ready'));

if (role === 'worker') {
  const work = (job) => salesforce.dispatch(job.data);
  new Worker('orders', work, { connection: connection(), concurrency: 5, stalledInterval: 5000 });
} else {
  const queue = isQueued && new Queue('orders', {
    connection: connection(),
    defaultJobOptions: { attempts: 5, backoff: { type: 'exponential', delay: 1000 } },
  });
  app.post('/magento/webhook', async (request, response) => {
    const given = Buffer.from(request.get('X-Magento-Signature') ?? '');
    const digest = createHmac('sha256', secret).update(request.body).digest('hex');
    const expected = Buffer.from(`sha256=${digest}`);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      response.status(401).end();
      return;
    }
    const document = JSON.parse(request.body);
    if (isQueued) await queue.add('order', document);
    else salesforce.dispatch(document).catch((error) => console.error(error.message));
    response.json({ received: true });
  });
}
app.listen(Number(port), '127.0.0.1');
