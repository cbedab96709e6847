<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Test\Unit;

use Orderstream\Webhook\Sending\Delivery;
use Orderstream\Webhook\Test\Support\FakeQueue;
use Orderstream\Webhook\Test\Support\Scene;
use PHPUnit\Framework\TestCase;

/** Processes that are killed or stand still at any call, and what Magento's queue does with messages. */
class StoppedProcessTest extends TestCase
{
    private Scene $scene;

    /** @var list<\Fiber> kept, so that a killed process does not even run its `finally` */
    private array $dead = [];

    protected function setUp(): void
    {
        $this->scene = new Scene();
    }

    public function testAProcessKilledAtAnyCallLosesNothing(): void
    {
        for ($calls = 0; ; $calls++) {
            $scene = $this->scene = new Scene();
            $scene->order(1, 'new');
            $scene->order(2, 'new');
            $scene->order(1, 'complete');
            $isKilled = $this->killedAfter($calls);
            $scene->cronFor(3);  // no longer than the lease and one pause
            self::assertSame(array_fill(0, 3, Delivery::SENT), $scene->store->states(), "killed at call $calls");
            self::assertSame('complete', $scene->ingress->known()['1']['status']);
            self::assertLessThanOrEqual(3, count($scene->ingress->posts), 'one is sent twice at most');
            if (!$isKilled) {
                self::assertGreaterThan(10, $calls);
                return;
            }
        }
    }

    public function testAProcessThatStoodStillNeverHasTheLastWord(): void
    {
        for ($calls = 0; ; $calls++) {
            $scene = $this->scene = new Scene();
            $scene->order(1, 'new');
            $stopped = $this->killedAfter($calls) ? end($this->dead) : null;
            $scene->passes(120);
            $scene->order(1, 'complete');
            $scene->dispatcher()->look(20);  // another host goes on
            $stopped?->resume();
            $scene->cronFor(3);
            self::assertSame('complete', end($scene->ingress->taken)['status'], "stood still at call $calls");
            self::assertNotContains(Delivery::WAITING, $scene->store->states());
            if ($stopped === null) {
                return;
            }
        }
    }

    public function testTwoProcessesNeverSendAtOnce(): void
    {
        $this->scene->order(1, 'new');
        $this->killedAfter(5);
        self::assertCount(0, $this->scene->ingress->posts);
        self::assertSame(0, $this->scene->dispatcher()->look(20));
    }

    public function testASaveThatFindsTheLeaseTakenIsSentByWhoeverLetsItGo(): void
    {
        for ($calls = 0; ; $calls++) {
            $scene = $this->scene = new Scene();
            $scene->order(1);
            $first = $this->killedAfter($calls) ? end($this->dead) : null;
            $scene->order(2);
            $this->look();  // finds the lease taken, mostly
            $first?->resume();
            if ($first === null) {
                self::assertGreaterThan(5, $calls);
                return;
            }
            self::assertCount(2, $scene->ingress->known(), "in the middle of call $calls, without cron");
        }
    }

    public function testMessagesThatCronPollsToDeathTakeNoSaveWithThem(): void
    {
        $queue = new FakeQueue($this->scene->store);
        $this->scene->order(1);
        $queue->publish();
        for ($minute = 0; $minute < 4; $minute++) {
            $queue->poll();
        }
        self::assertSame('error', $queue->messages[0]['state']);
        $queue->consume($this->look(...));
        self::assertSame([], $this->scene->ingress->taken, 'the message is lost');
        $this->scene->cronFor(1);
        self::assertSame([Delivery::SENT], $this->scene->store->states());
    }

    public function testAMessageAcknowledgedUnhandledTakesNoSaveWithIt(): void
    {
        $queue = new FakeQueue($this->scene->store);
        $this->scene->order(1);
        $queue->publish();
        $queue->consume(fn (): string => $this->killedAfter(4) ? FakeQueue::KILLED : '');
        $queue->redeliver();
        $queue->consume($this->look(...));
        self::assertSame('complete', $queue->messages[0]['state']);
        self::assertSame([], $this->scene->ingress->taken, 'the message is lost');
        $this->scene->cronFor(2);
        self::assertSame([Delivery::SENT], $this->scene->store->states());
    }

    public function testAMessageHeldForADayHoldsNoSave(): void
    {
        $queue = new FakeQueue($this->scene->store);
        $this->scene->order(1);
        $queue->publish();
        $queue->consume(fn (): string => $this->killedAfter(4) ? FakeQueue::KILLED : '');
        $this->scene->passes(3600);
        $queue->giveBackAfterADay();
        $queue->consume($this->look(...));
        self::assertSame([], $this->scene->ingress->taken, 'the message is still held');
        $this->scene->cronFor(1);
        self::assertSame([Delivery::SENT], $this->scene->store->states());
        $this->scene->passes(86400);
        $queue->giveBackAfterADay();
        $queue->consume($this->look(...));
        self::assertCount(1, $this->scene->ingress->taken, 'and it does nothing when it comes back');
    }

    public function testAPoisonPillTakesAMessageAndNoSave(): void
    {
        $queue = new FakeQueue($this->scene->store);
        $this->scene->order(1);
        $queue->publish();
        $queue->putPoisonPill();
        $queue->consume($this->look(...));
        self::assertSame([], $this->scene->ingress->taken);
        $queue->consume($this->look(...));
        self::assertSame([Delivery::SENT], $this->scene->store->states());
    }

    private function look(): int
    {
        return $this->scene->dispatcher()->look(20);
    }

    /** Returns whether there were that many calls. */
    private function killedAfter(int $calls): bool
    {
        $process = new \Fiber($this->look(...));
        $this->scene->store->callsLeft = $calls;
        $process->start();
        $this->scene->store->callsLeft = -1;
        if ($process->isTerminated()) {
            return false;
        }
        $this->dead[] = $process;

        return true;
    }
}
