<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Model;

use Magento\Customer\Api\CustomerRepositoryInterface;
use Magento\Customer\Model\CustomerRegistry;
use Magento\Framework\Exception\NoSuchEntityException;
use Magento\Framework\Webapi\ServiceOutputProcessor;
use Magento\Sales\Api\OrderRepositoryInterface;
use Magento\Sales\Api\OrderRepositoryInterfaceFactory;
use Magento\Sales\Model\ResourceModel\Order\Shipment\Track\CollectionFactory as TrackCollectionFactory;
use Orderstream\Webhook\Sending\Delivery;
use Orderstream\Webhook\Sending\DocumentsInterface;

/**
 * Reads an order or customer through Magento's repositories, in the form of its REST API.
 *
 * One thing differs from REST: there, and only there, `row_total` of an item is shown after the
 * discount (`ChangeOutputArray` of the areas webapi_rest and webapi_soap). What is read here has it
 * before the discount, as the database does.
 *
 * Magento's repositories keep what they have read for as long as their process lives, and a consumer
 * lives long: a second save of an order would be sent as the first. So each read has a repository of
 * its own, and the registry of customers forgets the customer first.
 */
class Document implements DocumentsInterface
{
    private const TRACK_FIELDS = ['carrier_code', 'title', 'track_number', 'created_at'];

    public function __construct(
        private readonly OrderRepositoryInterfaceFactory $orders,
        private readonly CustomerRepositoryInterface $customers,
        private readonly CustomerRegistry $customerRegistry,
        private readonly TrackCollectionFactory $tracks,
        private readonly ServiceOutputProcessor $output,
    ) {
    }

    public function read(string $kind, int $id): ?array
    {
        try {
            return $kind === Delivery::ORDER ? $this->order($id) : $this->customer($id);
        } catch (NoSuchEntityException) {
            return null;
        }
    }

    /** @return array<string, mixed> */
    private function order(int $id): array
    {
        $order = $this->orders->create()->get($id);
        $document = (array) $this->output->process($order, OrderRepositoryInterface::class, 'get');
        $tracks = $this->tracksOf($id);
        if ($tracks !== []) {
            $document['extension_attributes']['tracks'] = $tracks;
        }

        return $document;
    }

    /** @return array<string, mixed> */
    private function customer(int $id): array
    {
        $this->customerRegistry->remove($id);
        $customer = $this->customers->getById($id);

        return (array) $this->output->process($customer, CustomerRepositoryInterface::class, 'getById');
    }

    /**
     * A tracking number is no part of an order in Magento, so a new one would change nothing in it.
     *
     * @return list<array<string, mixed>>
     */
    private function tracksOf(int $orderId): array
    {
        $tracks = $this->tracks->create()
            ->addFieldToFilter('order_id', $orderId)
            ->setOrder('entity_id', 'ASC')
            ->getItems();

        return array_map(
            fn ($track): array => array_intersect_key($track->getData(), array_flip(self::TRACK_FIELDS)),
            array_values($tracks),
        );
    }
}
