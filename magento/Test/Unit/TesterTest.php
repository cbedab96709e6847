<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Test\Unit;

use Magento\Sales\Model\ResourceModel\Order\Collection;
use Magento\Sales\Model\ResourceModel\Order\CollectionFactory;
use Orderstream\Webhook\Model\Recorder;
use Orderstream\Webhook\Model\Settings;
use Orderstream\Webhook\Model\Tester;
use Orderstream\Webhook\Sending\Answer;
use Orderstream\Webhook\Sending\Dispatcher;
use Orderstream\Webhook\Sending\Scope;
use Orderstream\Webhook\Sending\Target;
use Orderstream\Webhook\Test\Support\Row;
use PHPUnit\Framework\TestCase;

class TesterTest extends TestCase
{
    /** Store view 2 belongs to a website with an address of its own; the newest order is of it. */
    private const ORDERS = [[9, 2], [8, 1], [7, 2], [6, 1]];

    /** @return array<string, array{Scope, int, string}> scope, order asked for, order sent */
    public static function scopes(): array
    {
        return [
            'everywhere' => [new Scope(), 0, 'order 8'],
            'the other website' => [new Scope(Scope::WEBSITES, 2), 0, 'order 9'],
            'a website without orders' => [new Scope(Scope::WEBSITES, 3), 0, 'there is no order yet of a store'],
            'one that a person named' => [new Scope(), 6, 'order 6'],
            'not set' => [new Scope(Scope::WEBSITES, 4), 6, 'the address is not set'],
        ];
    }

    /** @dataProvider scopes */
    public function testTheOrderIsOneOfAStoreThatSendsThere(Scope $scope, int $asked, string $said): void
    {
        self::assertStringContainsString($said, $this->tester()->send($scope, $asked)->text());
    }

    private function tester(): Tester
    {
        $settings = $this->createStub(Settings::class);
        $settings->method('of')->willReturnCallback(fn (Scope $scope): Target => match (true) {
            $scope->id === 4 => new Target('', '', problem: 'the address is not set'),
            $scope->id > 1 => new Target("https://of.website.$scope->id", 'secret'),
            default => new Target('https://of.everybody', 'secret'),
        });
        $orders = $this->createStub(Collection::class);
        foreach (['setOrder', 'setPageSize', 'addFieldToFilter'] as $method) {
            $orders->method($method)->willReturnSelf();
        }
        $orders->method('getItems')->willReturn(array_map(
            fn (array $order): Row => new Row(['entity_id' => $order[0], 'store_id' => $order[1]]),
            self::ORDERS,
        ));
        $factory = $this->createStub(CollectionFactory::class);
        $factory->method('create')->willReturn($orders);
        $dispatcher = $this->createStub(Dispatcher::class);
        $dispatcher->method('sendNow')
            ->willReturnCallback(fn (string $kind, int $id): Answer => new Answer(0, "$kind $id"));
        $recorder = $this->createStub(Recorder::class);
        $recorder->method('orderScope')
            ->willReturnCallback(fn (int $storeId): Scope => new Scope(Scope::STORES, $storeId));

        return new Tester($settings, $factory, $dispatcher, $recorder);
    }
}
