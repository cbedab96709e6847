<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Controller\Adminhtml\Trial;

use Magento\Backend\App\Action;
use Magento\Backend\App\Action\Context;
use Magento\Framework\App\Action\HttpPostActionInterface;
use Magento\Framework\Controller\ResultFactory;
use Orderstream\Webhook\Model\Tester;
use Orderstream\Webhook\Sending\Scope;

/** The button "Send test" beside the settings: the newest order goes out now, with the saved settings. */
class Send extends Action implements HttpPostActionInterface
{
    public const ADMIN_RESOURCE = 'Orderstream_Webhook::config';

    public function __construct(
        Context $context,
        private readonly Tester $tester,
    ) {
        parent::__construct($context);
    }

    /**
     * @inheritdoc
     */
    public function execute()
    {
        try {
            $answer = $this->tester->send($this->scope());
            $said = ['isTaken' => $answer->isTaken(), 'text' => $answer->text()];
        } catch (\Throwable $error) {
            $said = ['isTaken' => false, 'text' => $error->getMessage()];
        }

        return $this->resultFactory->create(ResultFactory::TYPE_JSON)->setData($said);
    }

    private function scope(): Scope
    {
        $store = (int) $this->getRequest()->getParam('store');
        $website = (int) $this->getRequest()->getParam('website');

        return match (true) {
            $store > 0 => new Scope(Scope::STORES, $store),
            $website > 0 => new Scope(Scope::WEBSITES, $website),
            default => new Scope(),
        };
    }
}
