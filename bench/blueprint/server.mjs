// The blueprint's ingress: Express takes the webhook, checks its HMAC, and adds a BullMQ job.
// node server.mjs PORT REDIS_PORT SECRET_FILE
import { readFileSync } from 'node:fs';
import express from 'express';
import { isSigned, ordersQueue } from './webhook.mjs';

const [port, redisPort, secretFile] = process.argv.slice(2);
const secret = readFileSync(secretFile);
const queue = ordersQueue(redisPort);

const app = express();
app.use(express.raw({ type: 'application/json', limit: '5mb' }));

app.post('/magento/webhook', async (request, response) => {
  if (!isSigned(request, secret)) {
    response.status(401).end();
    return;
  }
  const job = await queue.add('order', JSON.parse(request.body));
  response.json({ job: job.id });
});
app.get('/readyz', (_request, response) => response.end('ready'));

app.listen(Number(port), '127.0.0.1');
