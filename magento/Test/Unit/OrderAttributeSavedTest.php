<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Test\Unit;

use Magento\Framework\DataObject;
use Magento\Framework\Event\Observer;
use Orderstream\Webhook\Model\Recorder;
use Orderstream\Webhook\Observer\OrderAttributeSaved;
use Orderstream\Webhook\Sending\Scope;
use PHPUnit\Framework\TestCase;

class OrderAttributeSavedTest extends TestCase
{
    /** @var list<array<mixed>> */
    private array $noted = [];

    public function testAStatusThatAModuleSavesPastTheOrderIsNoted(): void
    {
        $this->save(['status', 'state']);
        self::assertEquals(
            [['sales_order_save_attribute_after', 'order', 7, new Scope(Scope::STORES, 3), '000000071']],
            $this->noted,
        );
    }

    public function testAColumnOfAModuleAsATextIsNotedToo(): void
    {
        $this->save('erp_number');
        $this->save(['email_sent', 'erp_number']);
        self::assertCount(2, $this->noted);
    }

    public function testThatItsEmailWasSentIsNoChangeOfAnOrder(): void
    {
        $this->save(['send_email', 'email_sent']);
        $this->save(['email_sent']);
        self::assertSame([], $this->noted);
    }

    /** @param list<string>|string $attribute */
    private function save(array|string $attribute): void
    {
        $recorder = $this->createStub(Recorder::class);
        $recorder->method('orderScope')->willReturnCallback(fn (int $id): Scope => new Scope(Scope::STORES, $id));
        $recorder->method('note')->willReturnCallback(function (mixed ...$save): void {
            $this->noted[] = $save;
        });
        $order = new DataObject(['id' => 7, 'store_id' => 3, 'increment_id' => '000000071']);
        // As Magento\Sales\Model\ResourceModel\Attribute says it: `order` is the resource, not the order.
        $event = new DataObject([
            'name' => 'sales_order_save_attribute_after',
            'order' => new \stdClass(),
            'object' => $order,
            'attribute' => $attribute,
        ]);
        (new OrderAttributeSaved($recorder))->execute(new Observer(['event' => $event]));
    }
}
