<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Test\Unit;

use Orderstream\Webhook\Sending\Answer;
use Orderstream\Webhook\Sending\Delivery;
use Orderstream\Webhook\Sending\RetryPolicy;
use Orderstream\Webhook\Sending\Signer;
use Orderstream\Webhook\Sending\Transport;
use PHPUnit\Framework\TestCase;

final class DeliveryTest extends TestCase
{
    private int $now = 1700000000;

    /** @var list<int> */
    private array $slept = [];

    public function testEveryAttemptIsSignedWithItsOwnTime(): void
    {
        $transport = $this->answering(new Answer(0, 'refused'), new Answer(503), new Answer(200, '{}'));
        [$next, $answer] = $this->send($transport);
        self::assertSame(Delivery::TAKEN, $next);
        self::assertSame(200, $answer->status);
        self::assertSame([1, 2], $this->slept);
        $times = array_map(
            static fn (array $headers): string => substr($headers['X-Orderstream-Signature'], 0, 12),
            $transport->headers,
        );
        self::assertSame(['t=1700000000', 't=1700000001', 't=1700000003'], $times);
    }

    public function testAnOutageEndsInTheQueueAndNotInAnEndlessLoop(): void
    {
        [$next] = $this->send($this->answering(...array_fill(0, 5, new Answer(503))));
        self::assertSame(RetryPolicy::QUEUE_AGAIN, $next);
        self::assertSame([1, 2, 4, 8], $this->slept);
    }

    public function testARefusedDocumentIsSentOnce(): void
    {
        $transport = $this->answering(new Answer(400, 'no order ID'));
        [$next, $answer] = $this->send($transport);
        self::assertSame(RetryPolicy::GIVE_UP, $next);
        self::assertSame('no order ID', $answer->detail);
        self::assertCount(1, $transport->headers);
    }

    /** @return array{int, Answer} */
    private function send(Transport $transport): array
    {
        $delivery = new Delivery(
            $transport,
            new RetryPolicy(attempts: 5),
            fn (): int => $this->now,
            function (int $seconds): void {
                $this->slept[] = $seconds;
                $this->now += $seconds;
            },
        );

        return $delivery->send('https://ingress.example', new Signer('a-secret-0123456789'), '{}', 15, $this->now);
    }

    private function answering(Answer ...$answers): Transport
    {
        return new class ($answers) implements Transport {
            /** @var list<array<string, string>> */
            public array $headers = [];

            /** @param list<Answer> $answers */
            public function __construct(private array $answers)
            {
            }

            public function post(string $url, array $headers, string $body, int $timeoutSeconds): Answer
            {
                $this->headers[] = $headers;

                return array_shift($this->answers) ?? throw new \LogicException('one attempt too many');
            }
        };
    }
}
