<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Controller\Adminhtml\Delivery;

use Magento\Backend\App\Action;
use Magento\Framework\App\Action\HttpGetActionInterface;
use Magento\Framework\Controller\ResultFactory;

/** Orderstream > Deliveries */
class Index extends Action implements HttpGetActionInterface
{
    public const ADMIN_RESOURCE = 'Orderstream_Webhook::deliveries';

    /**
     * @inheritdoc
     */
    public function execute()
    {
        /** @var \Magento\Backend\Model\View\Result\Page $page */
        $page = $this->resultFactory->create(ResultFactory::TYPE_PAGE);
        $page->setActiveMenu('Orderstream_Webhook::deliveries');
        $page->getConfig()->getTitle()->prepend(__('Deliveries'));

        return $page;
    }
}
