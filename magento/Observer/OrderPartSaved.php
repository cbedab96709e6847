<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Observer;

use Magento\Framework\Event\Observer;
use Magento\Framework\Event\ObserverInterface;
use Orderstream\Webhook\Model\Recorder;
use Orderstream\Webhook\Sending\Delivery;

/** Part of an order is being saved; Magento need not save the order itself then. */
class OrderPartSaved implements ObserverInterface
{
    /** Which field of the part holds the order's entity id. */
    private const ORDER_FIELDS = [
        'sales_order_address_save_after' => 'parent_id',
        'sales_order_status_history_save_after' => 'parent_id',
        'sales_order_shipment_save_after' => 'order_id',
        'sales_order_shipment_track_save_after' => 'order_id',
        'sales_order_shipment_track_delete_after' => 'order_id',
    ];

    public function __construct(private readonly Recorder $recorder)
    {
    }

    public function execute(Observer $observer): void
    {
        $event = (string) $observer->getEvent()->getName();
        $part = $observer->getEvent()->getData('data_object');
        $field = self::ORDER_FIELDS[$event] ?? 'order_id';
        $this->recorder->note($event, Delivery::ORDER, (int) $part?->getData($field));
    }
}
