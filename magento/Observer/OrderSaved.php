<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Observer;

use Magento\Framework\Event\Observer;
use Magento\Framework\Event\ObserverInterface;
use Orderstream\Webhook\Model\Recorder;
use Orderstream\Webhook\Sending\Delivery;

/** An order is being saved: it is noted in the same transaction. */
class OrderSaved implements ObserverInterface
{
    public function __construct(private readonly Recorder $recorder)
    {
    }

    public function execute(Observer $observer): void
    {
        $event = $observer->getEvent();
        $order = $event->getData('order') ?? $event->getData('data_object');
        $this->recorder->note(
            (string) $event->getName(),
            Delivery::ORDER,
            (int) $order?->getId(),
            $this->recorder->orderScope((int) $order?->getStoreId()),
            (string) $order?->getIncrementId(),
        );
    }
}
