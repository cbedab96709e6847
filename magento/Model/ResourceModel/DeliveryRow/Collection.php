<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Model\ResourceModel\DeliveryRow;

use Magento\Framework\Model\ResourceModel\Db\Collection\AbstractCollection;
use Orderstream\Webhook\Model\DeliveryRow;
use Orderstream\Webhook\Model\ResourceModel\DeliveryRow as DeliveryRowResource;

/** The rows that a person has selected in the grid. */
class Collection extends AbstractCollection
{
    /** @var string */
    protected $_idFieldName = 'delivery_id';

    /**
     * @inheritdoc
     */
    protected function _construct()
    {
        $this->_init(DeliveryRow::class, DeliveryRowResource::class);
    }
}
