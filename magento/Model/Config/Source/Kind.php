<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Model\Config\Source;

use Magento\Framework\Data\OptionSourceInterface;
use Orderstream\Webhook\Sending\Delivery;

/** What is sent, for the grid and its filter. */
class Kind implements OptionSourceInterface
{
    /**
     * @inheritdoc
     */
    public function toOptionArray()
    {
        return [
            ['value' => Delivery::ORDER, 'label' => __('Order')],
            ['value' => Delivery::CUSTOMER, 'label' => __('Customer')],
        ];
    }
}
