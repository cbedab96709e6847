<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Observer;

use Magento\Framework\Event\Observer;
use Magento\Framework\Event\ObserverInterface;
use Orderstream\Webhook\Model\Queue;
use Orderstream\Webhook\Sending\Save;

/** An address of a customer was saved: the customer itself is not saved then, and is sent whole. */
class AddressSaved implements ObserverInterface
{
    public function __construct(private readonly Queue $queue)
    {
    }

    public function execute(Observer $observer): void
    {
        $event = $observer->getEvent();
        $address = $event->getData('customer_address') ?? $event->getData('data_object');
        $this->queue->noteSave(
            'customer_address_save_commit_after',
            Save::CUSTOMER,
            (int) $address?->getCustomerId(),
        );
    }
}
