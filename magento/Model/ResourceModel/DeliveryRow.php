<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Model\ResourceModel;

use Magento\Framework\Model\ResourceModel\Db\AbstractDb;
use Orderstream\Webhook\Model\Outbox;

/** The table behind the grid. */
class DeliveryRow extends AbstractDb
{
    /**
     * @inheritdoc
     */
    protected function _construct()
    {
        $this->_init(Outbox::TABLE, 'delivery_id');
    }
}
