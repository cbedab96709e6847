// The blueprint's ingress: Express takes the webhook, checks its HMAC, and adds a BullMQ job.
// node server.mjs PORT REDIS_PORT SECRET_FILE
import { createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Queue } from 'bullmq';
import express from 'express';
import { Redis } from 'ioredis';

const [port, redisPort, secretFile] = process.argv.slice(2);
const secret = readFileSync(secretFile);
const queue = new Queue('orders', {
  connection: new Redis(Number(redisPort), '127.0.0.1', { maxRetriesPerRequest: null }),
  defaultJobOptions: { attempts: 5, backoff: { type: 'exponential', delay: 1000 } },
});

const app = express();
app.use(express.raw({ type: 'application/json', limit: '5mb' }));

app.post('/magento/webhook', async (request, response) => {
  const given = Buffer.from(request.get('X-Magento-Signature') ?? '');
  const digest = createHmac('sha256', secret).update(request.body).digest('hex');
  const expected = Buffer.from(`sha256=${digest}`);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    response.status(401).end();
    return;
  }
  const job = await queue.add('order', JSON.parse(request.body));
  response.json({ job: job.id });
});
app.get('/readyz', (_request, response) => response.end('ready'));

app.listen(Number(port), '127.0.0.1');
