<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Model;

use Magento\Sales\Model\ResourceModel\Order\CollectionFactory;
use Orderstream\Webhook\Sending\Answer;
use Orderstream\Webhook\Sending\Delivery;
use Orderstream\Webhook\Sending\Dispatcher;
use Orderstream\Webhook\Sending\Scope;

/** Sends one order now, past the table, for a person who looks at the answer. */
class Tester
{
    public function __construct(
        private readonly Settings $settings,
        private readonly CollectionFactory $orders,
        private readonly Dispatcher $dispatcher,
    ) {
    }

    /** @param int $orderId the newest of the scope when 0 */
    public function send(Scope $scope, int $orderId = 0): Answer
    {
        $id = $orderId > 0 ? $orderId : $this->newestOrder($scope);
        if ($id <= 0) {
            return new Answer(0, 'there is no order yet that could be sent');
        }
        $target = $this->settings->of($scope);
        if ($target->problem !== '') {
            return new Answer(0, $target->problem);
        }

        return $this->dispatcher->sendNow(Delivery::ORDER, $id, $target);
    }

    private function newestOrder(Scope $scope): int
    {
        $orders = $this->orders->create()->setOrder('entity_id', 'DESC')->setPageSize(1);
        if ($scope->type === Scope::STORES) {
            $orders->addFieldToFilter('store_id', $scope->id);
        }

        return (int) $orders->getFirstItem()->getId();
    }
}
