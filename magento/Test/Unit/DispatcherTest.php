<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Test\Unit;

use Orderstream\Webhook\Sending\Answer;
use Orderstream\Webhook\Sending\Delivery;
use Orderstream\Webhook\Sending\Scope;
use Orderstream\Webhook\Sending\Target;
use Orderstream\Webhook\Test\Support\Scene;
use PHPUnit\Framework\TestCase;

class DispatcherTest extends TestCase
{
    private Scene $scene;

    protected function setUp(): void
    {
        $this->scene = new Scene();
    }

    public function testSavesOfOneOrderThatWaitTogetherAreSentOnceWithTheLastState(): void
    {
        $this->scene->order(1, 'new');
        $this->scene->order(2, 'new');
        $this->scene->order(1, 'complete');
        self::assertSame(2, $this->scene->dispatcher()->look(20));
        self::assertSame(
            [['increment_id' => '1', 'status' => 'complete'], ['increment_id' => '2', 'status' => 'new']],
            $this->scene->ingress->taken,
        );
        self::assertSame([Delivery::SENT, Delivery::SENT, Delivery::SENT], $this->scene->store->states());
    }

    public function testASaveDuringThePostIsSentAfterIt(): void
    {
        $this->scene->order(1, 'new');
        $this->scene->ingress->answer = function (): Answer {
            if (count($this->scene->ingress->posts) === 1) {
                $this->scene->order(1, 'complete');
            }
            return new Answer(200, '{"event_id":"e"}');
        };
        $this->scene->dispatcher()->look(20);
        self::assertSame(['new', 'complete'], array_column($this->scene->ingress->taken, 'status'));
    }

    public function testOneThatCannotBeReadCostsNobodyElseAnything(): void
    {
        $this->scene->order(1);
        $this->scene->order(2);
        $this->scene->store->documents['order 1'] = new \RuntimeException('broken product_options');
        $this->scene->dispatcher()->look(20);
        self::assertSame([Delivery::WAITING, Delivery::SENT], $this->scene->store->states());
        self::assertStringContainsString('broken product_options', $this->scene->store->rows[1]['answer']);
        $this->scene->cronFor(8 * 24 * 60);
        self::assertSame(Delivery::FAILED, $this->scene->store->states()[0]);
        self::assertStringContainsString('is given up', end($this->scene->said));
        self::assertLessThan(8 * 24 + 10, $this->scene->store->rows[1]['attempts']);
    }

    public function testInAnOutageNothingIsGivenUpAndThereIsOneProbeAtATime(): void
    {
        foreach (range(1, 20) as $id) {
            $this->scene->order($id);
        }
        $this->scene->ingress->answer = static fn (): Answer => new Answer(0, 'timed out');
        $this->scene->cronFor(8 * 24 * 60);  // longer than an order that cannot be read is kept trying
        self::assertSame(array_fill(0, 20, Delivery::WAITING), $this->scene->store->states());
        self::assertLessThanOrEqual(8 * 24 * 60, count($this->scene->ingress->posts));
        $this->scene->ingress->answer = static fn (): Answer => new Answer(200, '{"event_id":"e"}');
        $this->scene->cronFor(3);
        self::assertSame(array_fill(0, 20, Delivery::SENT), $this->scene->store->states());
    }

    public function testOneThatTheAddressNeverTakesDoesNotHoldUpTheOthers(): void
    {
        $this->scene->order(1, 'poison');
        $this->scene->ingress->answer = static fn (string $url, string $body): Answer =>
            str_contains($body, 'poison') ? new Answer(503, '{}') : new Answer(200, '{"event_id":"e"}');
        foreach (range(2, 200) as $id) {
            $this->scene->order($id);
            $this->scene->cronFor(1);
        }
        $this->scene->cronFor(2);
        self::assertCount(199, $this->scene->ingress->taken);
        $this->scene->store->rows[1]['notedAt'] -= 8 * 86400;
        foreach (range(201, 400) as $id) {
            $this->scene->order($id);
            $this->scene->cronFor(1);
        }
        self::assertSame(Delivery::FAILED, $this->scene->store->states()[0]);
    }

    public function testARefusedDocumentFailsAloneAndAProxysRefusalDoesNotCount(): void
    {
        $this->scene->order(1);
        $this->scene->ingress->answer = static fn (): Answer => new Answer(413, '<html>too large</html>');
        $this->scene->dispatcher()->look(20);
        self::assertSame([Delivery::WAITING], $this->scene->store->states());
        $this->scene->passes(60);
        $refusal = '{"error":"no order ID","fix":"send one"}';
        $this->scene->ingress->answer = static fn (): Answer => new Answer(400, $refusal);
        $this->scene->dispatcher()->look(20);
        self::assertSame([Delivery::FAILED], $this->scene->store->states());
        self::assertSame("400 $refusal", $this->scene->store->rows[1]['answer']);
    }

    public function testACorrectedSecretSignsTheVeryNextPostOfTheSameProcess(): void
    {
        $process = $this->scene->dispatcher();
        $this->scene->targets['default0'] = new Target(Scene::URL, 'the-wrong-secret-012');
        $this->scene->ingress->answer = static fn (): Answer => new Answer(401, '{}');
        $this->scene->order(1);
        $process->look(20);
        $this->scene->targets['default0'] = new Target(Scene::URL, 'the-right-secret-012');
        $this->scene->ingress->answer = static fn (): Answer => new Answer(200, '{"event_id":"e"}');
        $this->scene->passes(60);
        $process->look(20);
        [, $headers, $body] = $this->scene->ingress->posts[1];
        $expected = 'sha256=' . hash_hmac('sha256', $body, 'the-right-secret-012');
        self::assertSame($expected, $headers['X-Magento-Signature']);
        self::assertSame([Delivery::SENT], $this->scene->store->states());
    }

    public function testEachStoreHasItsOwnAddressAndOneThatIsDownDoesNotStopTheOther(): void
    {
        $this->scene->targets['stores1'] = new Target('https://one.example', 'a-secret-0123456789');
        $this->scene->targets['stores2'] = new Target('https://two.example', 'a-secret-0123456789');
        $this->scene->order(1, scope: new Scope(Scope::STORES, 1));
        $this->scene->order(2, scope: new Scope(Scope::STORES, 2));
        $this->scene->order(3, scope: new Scope(Scope::STORES, 1));
        $this->scene->ingress->answer = static fn (string $url): Answer =>
            $url === 'https://one.example' ? new Answer(0, 'refused') : new Answer(200, '{"event_id":"e"}');
        $this->scene->dispatcher()->look(20);
        $sent = array_column($this->scene->ingress->taken, 'increment_id');
        self::assertSame(['2'], $sent);
        self::assertCount(2, $this->scene->ingress->posts);
    }

    public function testASwitchedOffStoreKeepsWhatWaits(): void
    {
        $this->scene->targets['stores1'] = new Target('', '', problem: 'switched off');
        $this->scene->order(1, scope: new Scope(Scope::STORES, 1));
        $this->scene->cronFor(10);
        self::assertSame([], $this->scene->ingress->posts);
        unset($this->scene->targets['stores1']);
        $this->scene->cronFor(1);
        self::assertSame([Delivery::SENT], $this->scene->store->states());
    }

    public function testADeletedDocumentEnds(): void
    {
        $this->scene->order(1);
        $this->scene->store->documents = [];
        $this->scene->dispatcher()->look(20);
        self::assertSame([Delivery::GONE], $this->scene->store->states());
        self::assertSame([], $this->scene->ingress->posts);
    }

    public function testNoDeliveryIsBegunAfterTheTimeOfALook(): void
    {
        foreach ([1, 2, 3] as $id) {
            $this->scene->order($id);
        }
        $this->scene->ingress->answer = function (): Answer {
            $this->scene->passes(15);
            return new Answer(200, '{"event_id":"e"}');
        };
        self::assertSame(2, $this->scene->dispatcher()->look(20));
    }
}
