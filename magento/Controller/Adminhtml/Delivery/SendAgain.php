<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Controller\Adminhtml\Delivery;

use Magento\Framework\Phrase;

/** The selected ones wait to be sent, whatever became of them before. */
class SendAgain extends MassAction
{
    protected function act(array $ids): Phrase
    {
        return __('%1 deliveries wait to be sent.', $this->outbox->sendAgain($ids));
    }
}
