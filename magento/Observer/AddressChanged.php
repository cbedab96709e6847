<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Observer;

use Magento\Framework\Event\Observer;
use Magento\Framework\Event\ObserverInterface;
use Orderstream\Webhook\Model\Recorder;
use Orderstream\Webhook\Sending\Delivery;

/** An address of a customer is being saved or deleted; the customer need not be saved then. */
class AddressChanged implements ObserverInterface
{
    public function __construct(private readonly Recorder $recorder)
    {
    }

    public function execute(Observer $observer): void
    {
        $event = $observer->getEvent();
        $address = $event->getData('customer_address') ?? $event->getData('data_object');
        $customerId = (int) ($address?->getCustomerId() ?: $address?->getParentId());
        $this->recorder->note((string) $event->getName(), Delivery::CUSTOMER, $customerId);
    }
}
