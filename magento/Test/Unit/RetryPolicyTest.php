<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Test\Unit;

use Orderstream\Webhook\Sending\Answer;
use Orderstream\Webhook\Sending\Decision;
use Orderstream\Webhook\Sending\Delivery;
use Orderstream\Webhook\Sending\DestinationState;
use Orderstream\Webhook\Sending\RetryPolicy;
use Orderstream\Webhook\Sending\Scope;
use PHPUnit\Framework\TestCase;

class RetryPolicyTest extends TestCase
{
    private const NOW = 1700000000;
    private const WEEK = 604800;

    /** @return iterable<string, array{int}> */
    public static function whatIsNotTheDocumentsFault(): iterable
    {
        yield 'no answer' => [0];
        yield 'moved' => [302];
        yield 'a wrong secret' => [401];
        yield 'a wall' => [403];
        yield 'a wrong address' => [404];
        yield 'too slow' => [408];
        yield 'too many' => [429];
        yield 'broker away' => [503];
    }

    /** @dataProvider whatIsNotTheDocumentsFault */
    public function testTheAddressPausesAndTheDeliveryWaits(int $status): void
    {
        $pauses = $retries = [];
        foreach (range(0, 6) as $before) {
            $decision = $this->after(new Answer($status), $before, new DestinationState($before));
            self::assertSame(Delivery::WAITING, $decision->state);
            $pauses[] = $decision->pauseSeconds;
            $retries[] = $decision->retrySeconds;
        }
        self::assertSame([5, 10, 20, 40, 60, 60, 60], $pauses);
        self::assertSame([10, 20, 40, 80, 120, 120, 120], $retries);
    }

    /** @return iterable<string, array{int, string}> */
    public static function whatOtherServersAnswer(): iterable
    {
        yield 'the welcome page of a web server' => [200, '<html>It works</html>'];
        yield 'nothing at all' => [204, ''];
        yield 'a gateway that took it and passes nothing on' => [202, '{"message":"accepted"}'];
        yield 'an empty object' => [200, '{}'];
        yield 'a text' => [200, '"event_id"'];
        yield 'a receipt without its event' => [200, '{"event_id":null}'];
    }

    /** @dataProvider whatOtherServersAnswer */
    public function testASuccessWithoutAReceiptIsNone(int $status, string $body): void
    {
        $answer = new Answer($status, $body);
        self::assertSame(Delivery::WAITING, $this->after($answer)->state);
        self::assertStringContainsString('without the receipt', $answer->text());
    }

    public function testAnIngressThatTakesOrIgnoresItIsDone(): void
    {
        foreach (['{"event_id":"1-7f","topic":"t"}', '{"ignored":true,"event":"x"}'] as $receipt) {
            self::assertSame(Delivery::SENT, $this->after(new Answer(200, $receipt))->state);
        }
    }

    public function testRetryAfterCountsUpToFiveMinutes(): void
    {
        self::assertSame(7, $this->after(new Answer(503, '', '7'))->pauseSeconds);
        self::assertSame(300, $this->after(new Answer(503, '', '3600'))->pauseSeconds);
        self::assertSame(1, $this->after(new Answer(503, '', '0'))->pauseSeconds);
        self::assertSame(5, $this->after(new Answer(503, '', 'Fri, 31 Dec 1999 23:59:59 GMT'))->pauseSeconds);
    }

    public function testADocumentThatTheIngressRefusesFailsAndNothingPauses(): void
    {
        foreach ([400, 413, 415, 422] as $status) {
            $decision = $this->after(new Answer($status, '{"error":"x","fix":"y"}'));
            self::assertSame([Delivery::FAILED, 0], [$decision->state, $decision->pauseSeconds]);
            foreach (['<html>', '[]', '{"message":"Bad Request"}', '{"error":{"code":400}}'] as $ofAGateway) {
                self::assertSame(Delivery::WAITING, $this->after(new Answer($status, $ofAGateway))->state);
            }
        }
    }

    public function testAgeCountsOnlyWhenTheAddressTookOthersSinceTheLastAttempt(): void
    {
        $old = $this->delivery(attempts: 9, notedAt: self::NOW - self::WEEK - 1, triedAt: self::NOW - 100);
        $policy = new RetryPolicy();
        $outage = new DestinationState(3, 0, self::NOW - 200);
        $others = new DestinationState(0, 0, self::NOW - 50);
        $answer = new Answer(503);
        self::assertSame(Delivery::WAITING, $policy->after($answer, $old, $outage, self::NOW, self::WEEK)->state);
        self::assertSame(Delivery::FAILED, $policy->after($answer, $old, $others, self::NOW, self::WEEK)->state);
        $young = $this->delivery(attempts: 9, notedAt: self::NOW - self::WEEK, triedAt: self::NOW - 100);
        $decision = $policy->after($answer, $young, $others, self::NOW, self::WEEK);
        self::assertSame([Delivery::WAITING, 3600], [$decision->state, $decision->retrySeconds]);
    }

    public function testWhatCannotBeReadIsTriedLessAndLessOften(): void
    {
        $waits = array_map(fn (int $before): int => (new RetryPolicy())->afterUnreadable(
            $this->delivery($before),
            self::NOW,
            self::WEEK,
        )->retrySeconds, range(0, 7));
        self::assertSame([60, 120, 240, 480, 960, 1920, 3600, 3600], $waits);
        $old = $this->delivery(8, self::NOW - self::WEEK - 1);
        $decision = (new RetryPolicy())->afterUnreadable($old, self::NOW, self::WEEK);
        self::assertSame(Delivery::FAILED, $decision->state);
    }

    public function testManyAttemptsAreNoOverflow(): void
    {
        self::assertSame(120, $this->after(new Answer(503), 65000)->retrySeconds);
    }

    private function after(
        Answer $answer,
        int $attempts = 0,
        DestinationState $destination = new DestinationState(),
    ): Decision {
        return (new RetryPolicy())->after($answer, $this->delivery($attempts), $destination, self::NOW, self::WEEK);
    }

    private function delivery(int $attempts, int $notedAt = self::NOW, int $triedAt = 0): Delivery
    {
        return new Delivery(Delivery::ORDER, 1, new Scope(), [1], $attempts, $notedAt, $triedAt);
    }
}
