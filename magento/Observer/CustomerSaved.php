<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Observer;

use Magento\Framework\Event\Observer;
use Magento\Framework\Event\ObserverInterface;
use Orderstream\Webhook\Model\Recorder;
use Orderstream\Webhook\Sending\Delivery;

/** A customer is being saved; logins save them too, orderstream sees that nothing changed. */
class CustomerSaved implements ObserverInterface
{
    public function __construct(private readonly Recorder $recorder)
    {
    }

    public function execute(Observer $observer): void
    {
        $event = $observer->getEvent();
        $customer = $event->getData('customer') ?? $event->getData('data_object');
        $this->recorder->note(
            (string) $event->getName(),
            Delivery::CUSTOMER,
            (int) $customer?->getId(),
            $this->recorder->customerScope((int) $customer?->getWebsiteId()),
        );
    }
}
