<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Controller\Adminhtml\Delivery;

use Magento\Backend\App\Action;
use Magento\Backend\App\Action\Context;
use Magento\Framework\App\Action\HttpPostActionInterface;
use Magento\Framework\Controller\ResultFactory;
use Magento\Framework\Phrase;
use Magento\Ui\Component\MassAction\Filter;
use Orderstream\Webhook\Model\Outbox;
use Orderstream\Webhook\Model\ResourceModel\DeliveryRow\CollectionFactory;

/** What is done to the rows that were selected in the grid. */
abstract class MassAction extends Action implements HttpPostActionInterface
{
    public const ADMIN_RESOURCE = 'Orderstream_Webhook::deliveries';

    public function __construct(
        Context $context,
        private readonly Filter $filter,
        private readonly CollectionFactory $rows,
        protected readonly Outbox $outbox,
    ) {
        parent::__construct($context);
    }

    /**
     * @inheritdoc
     */
    public function execute()
    {
        $ids = array_map('intval', $this->filter->getCollection($this->rows->create())->getAllIds());
        $this->messageManager->addSuccessMessage($this->act($ids));

        return $this->resultFactory->create(ResultFactory::TYPE_REDIRECT)->setPath('*/*/');
    }

    /** @param list<int> $ids */
    abstract protected function act(array $ids): Phrase;
}
