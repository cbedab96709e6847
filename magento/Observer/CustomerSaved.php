<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Observer;

use Magento\Framework\Event\Observer;
use Magento\Framework\Event\ObserverInterface;
use Orderstream\Webhook\Model\Queue;
use Orderstream\Webhook\Sending\Save;

/** A customer was saved and committed; logins save them too, orderstream sees that nothing changed. */
class CustomerSaved implements ObserverInterface
{
    public function __construct(private readonly Queue $queue)
    {
    }

    public function execute(Observer $observer): void
    {
        $event = $observer->getEvent();
        $customer = $event->getData('customer') ?? $event->getData('data_object');
        $this->queue->noteSave('customer_save_commit_after', Save::CUSTOMER, (int) $customer?->getId());
    }
}
