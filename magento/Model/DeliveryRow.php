<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Model;

use Magento\Framework\Model\AbstractModel;

/** One row of the table, for the grid only. */
class DeliveryRow extends AbstractModel
{
    /**
     * @inheritdoc
     */
    protected function _construct()
    {
        $this->_init(ResourceModel\DeliveryRow::class);
    }
}
