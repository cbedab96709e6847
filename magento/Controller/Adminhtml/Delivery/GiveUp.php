<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Controller\Adminhtml\Delivery;

use Magento\Framework\Phrase;

/** The selected ones are not sent any more; what was sent already stays as it is. */
class GiveUp extends MassAction
{
    protected function act(array $ids): Phrase
    {
        return __('%1 deliveries are given up.', $this->outbox->giveUp($ids));
    }
}
