<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Test\Unit;

use Orderstream\Webhook\Sending\Answer;
use Orderstream\Webhook\Sending\RetryPolicy;
use PHPUnit\Framework\TestCase;

final class RetryPolicyTest extends TestCase
{
    /** @return iterable<string, array{int}> */
    public static function whatPasses(): iterable
    {
        yield 'no answer' => [0];
        yield 'too slow' => [408];
        yield 'too many' => [429];
        yield 'broker away' => [503];
    }

    /** @dataProvider whatPasses */
    public function testWhatPassesByItselfIsTriedAgainAfterDoublingPauses(int $status): void
    {
        $policy = new RetryPolicy(attempts: 5);
        $waits = array_map(
            static fn (int $attempt): int => $policy->next(new Answer($status), $attempt, 0),
            [1, 2, 3, 4, 5],
        );
        self::assertSame([1, 2, 4, 8, RetryPolicy::QUEUE_AGAIN], $waits);
    }

    public function testRetryAfterCountsUpToAMinute(): void
    {
        $policy = new RetryPolicy();
        self::assertSame(7, $policy->next(new Answer(503, '', '7'), 1, 0));
        self::assertSame(60, $policy->next(new Answer(503, '', '3600'), 1, 0));
        self::assertSame(1, $policy->next(new Answer(503, '', 'Fri, 31 Dec 1999 23:59:59 GMT'), 1, 0));
    }

    public function testAWrongSecretIsNotTheDocumentsFault(): void
    {
        self::assertSame(RetryPolicy::QUEUE_AGAIN, (new RetryPolicy())->next(new Answer(401), 1, 0));
        self::assertSame(RetryPolicy::QUEUE_AGAIN, (new RetryPolicy())->next(new Answer(404), 1, 0));
        self::assertSame(RetryPolicy::QUEUE_AGAIN, (new RetryPolicy())->next(new Answer(302), 1, 0));
    }

    public function testARefusedDocumentIsGivenUp(): void
    {
        foreach ([400, 413, 415] as $status) {
            self::assertSame(RetryPolicy::GIVE_UP, (new RetryPolicy())->next(new Answer($status), 1, 0));
        }
    }

    public function testAfterTheLimitOfDaysEverythingIsGivenUp(): void
    {
        $policy = new RetryPolicy(attempts: 5, maxAgeSeconds: 100);
        self::assertSame(1, $policy->next(new Answer(503), 1, 100));
        self::assertSame(RetryPolicy::GIVE_UP, $policy->next(new Answer(503), 1, 101));
    }
}
