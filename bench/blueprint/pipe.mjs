// The blueprint end to end: webhook, answer, Salesforce; with Redis, a BullMQ job in between.
// node pipe.mjs server|worker PORT REDIS_PORT|0 SECRET_FILE ORG_URL CLIENT_ID CLIENT_SECRET
import { readFileSync } from 'node:fs';
import { Worker } from 'bullmq';
import express from 'express';
import { Salesforce } from './dispatch.mjs';
import { isSigned, ordersQueue, redisAt } from './webhook.mjs';

const [role, port, redisPort, secretFile, ...org] = process.argv.slice(2);
const secret = readFileSync(secretFile);
const salesforce = new Salesforce(...org);
const isQueued = redisPort !== '0';
const app = express();
app.use(express.raw({ type: 'application/json', limit: '5mb' }));
app.get('/readyz', (_request, response) => response.end('ready'));

if (role === 'worker') {
  const work = (job) => salesforce.dispatch(job.data);
  new Worker('orders', work, { connection: redisAt(redisPort), concurrency: 5, stalledInterval: 5000 });
} else {
  const queue = isQueued && ordersQueue(redisPort);
  app.post('/magento/webhook', async (request, response) => {
    if (!isSigned(request, secret)) {
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
