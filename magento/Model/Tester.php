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
    /** How far back an order is looked for whose own store sends to the address that is tried. */
    private const LOOKED_AT = 50;

    public function __construct(
        private readonly Settings $settings,
        private readonly CollectionFactory $orders,
        private readonly Dispatcher $dispatcher,
        private readonly Recorder $recorder,
    ) {
    }

    /** @param int $orderId the newest of the scope when 0 */
    public function send(Scope $scope, int $orderId = 0): Answer
    {
        $target = $this->settings->of($scope);
        if ($target->problem !== '') {
            return new Answer(0, $target->problem);
        }
        $id = $orderId > 0 ? $orderId : $this->newestOrder($scope, $target->url);
        if ($id <= 0) {
            return new Answer(0, 'there is no order yet of a store that sends to this address');
        }

        return $this->dispatcher->sendNow(Delivery::ORDER, $id, $target);
    }

    /** Not simply the newest: that may be one of another website, which is nothing for this address. */
    private function newestOrder(Scope $scope, string $url): int
    {
        $orders = $this->orders->create()->setOrder('entity_id', 'DESC')->setPageSize(self::LOOKED_AT);
        if ($scope->type === Scope::STORES) {
            $orders->addFieldToFilter('store_id', $scope->id);
        }
        foreach ($orders->getItems() as $order) {
            $own = $this->recorder->orderScope((int) $order->getData('store_id'));
            if ($this->settings->of($own)->url === $url) {
                return (int) $order->getData('entity_id');
            }
        }

        return 0;
    }
}
