<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Model\Config\Source;

use Magento\Framework\Data\OptionSourceInterface;
use Orderstream\Webhook\Sending\Delivery;

/** The states of a delivery, for the grid and its filter. */
class State implements OptionSourceInterface
{
    /**
     * @inheritdoc
     */
    public function toOptionArray()
    {
        return [
            ['value' => Delivery::WAITING, 'label' => __('Waiting')],
            ['value' => Delivery::SENT, 'label' => __('Sent')],
            ['value' => Delivery::FAILED, 'label' => __('Failed')],
            ['value' => Delivery::DISMISSED, 'label' => __('Given up by a person')],
            ['value' => Delivery::GONE, 'label' => __('Deleted in the store')],
            ['value' => Delivery::SWITCHED_OFF, 'label' => __('Switched off')],
        ];
    }
}
