// What both programs of the blueprint share: the webhook's HMAC, and the queue.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';

export function isSigned(request, secret) {
  const given = Buffer.from(request.get('X-Magento-Signature') ?? '');
  const digest = createHmac('sha256', secret).update(request.body).digest('hex');
  const expected = Buffer.from(`sha256=${digest}`);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

export const redisAt = (port) => new Redis(Number(port), '127.0.0.1', { maxRetriesPerRequest: null });

export const ordersQueue = (port) => new Queue('orders', {
  connection: redisAt(port),
  defaultJobOptions: { attempts: 5, backoff: { type: 'exponential', delay: 1000 } },
});
