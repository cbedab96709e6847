<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Model;

use Magento\Customer\Api\CustomerRepositoryInterface;
use Magento\Customer\Model\CustomerRegistry;
use Magento\Framework\Exception\NoSuchEntityException;
use Magento\Framework\Webapi\ServiceOutputProcessor;
use Magento\Sales\Api\OrderRepositoryInterface;
use Magento\Sales\Api\OrderRepositoryInterfaceFactory;
use Orderstream\Webhook\Sending\Save;

/**
 * Reads an order or customer as Magento's REST API shows it.
 *
 * Magento's repositories keep what they have read for as long as their process lives, and a consumer
 * lives long: a second save of an order would be sent as the first. So each read has a repository of
 * its own, and the registry of customers forgets the customer first.
 */
class Document
{
    public function __construct(
        private readonly OrderRepositoryInterfaceFactory $orders,
        private readonly CustomerRepositoryInterface $customers,
        private readonly CustomerRegistry $customerRegistry,
        private readonly ServiceOutputProcessor $output,
    ) {
    }

    /** @return ?array<string, mixed> null when it does not exist any more */
    public function read(string $kind, int $id): ?array
    {
        try {
            $document = $kind === Save::ORDER ? $this->order($id) : $this->customer($id);
        } catch (NoSuchEntityException) {
            return null;
        }

        return is_array($document) ? $document : null;
    }

    private function order(int $id): mixed
    {
        $order = $this->orders->create()->get($id);

        return $this->output->process($order, OrderRepositoryInterface::class, 'get');
    }

    private function customer(int $id): mixed
    {
        $this->customerRegistry->remove($id);
        $customer = $this->customers->getById($id);

        return $this->output->process($customer, CustomerRepositoryInterface::class, 'getById');
    }
}
