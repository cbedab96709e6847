<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Observer;

use Magento\Framework\Event\Observer;
use Magento\Framework\Event\ObserverInterface;
use Orderstream\Webhook\Model\Queue;
use Orderstream\Webhook\Sending\Save;

/** An order was saved and committed. */
class OrderSaved implements ObserverInterface
{
    public function __construct(private readonly Queue $queue)
    {
    }

    public function execute(Observer $observer): void
    {
        $order = $observer->getEvent()->getData('order') ?? $observer->getEvent()->getData('data_object');
        $this->queue->noteSave('sales_order_save_commit_after', Save::ORDER, (int) $order?->getId());
    }
}
