<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Observer;

use Magento\Framework\Event\Observer;
use Magento\Framework\Event\ObserverInterface;
use Orderstream\Webhook\Model\Recorder;
use Orderstream\Webhook\Sending\Delivery;

/**
 * Columns of an order are being saved past its model (`saveAttribute`), as modules do with a status or a
 * number of their own. Magento says nothing behind this commit: cron looks.
 */
class OrderAttributeSaved implements ObserverInterface
{
    /** Magento's own, with each order's e-mail: orderstream counts them as no content. */
    private const OF_THE_EMAIL = ['send_email', 'email_sent'];

    public function __construct(private readonly Recorder $recorder)
    {
    }

    public function execute(Observer $observer): void
    {
        $event = $observer->getEvent();
        if (array_diff((array) $event->getData('attribute'), self::OF_THE_EMAIL) === []) {
            return;
        }
        $order = $event->getData('object');  // `order` is the resource here
        $this->recorder->note(
            (string) $event->getName(),
            Delivery::ORDER,
            (int) $order?->getId(),
            $this->recorder->orderScope((int) $order?->getStoreId()),
            (string) $order?->getIncrementId(),
        );
    }
}
