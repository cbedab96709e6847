<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Block\Adminhtml;

use Magento\Config\Block\System\Config\Form\Field;
use Magento\Framework\Data\Form\Element\AbstractElement;

/** "Send test" among the settings, with the status line below it. */
class SendTestButton extends Field
{
    /** @var string */
    protected $_template = 'Orderstream_Webhook::send_test_button.phtml';

    /**
     * @inheritdoc
     */
    public function render(AbstractElement $element)
    {
        $button = clone $element;
        $button->unsScope()->unsCanUseWebsiteValue()->unsCanUseDefaultValue();

        return parent::render($button);
    }

    public function getSendUrl(): string
    {
        return $this->getUrl('orderstream/trial/send', [
            'store' => (int) $this->getRequest()->getParam('store'),
            'website' => (int) $this->getRequest()->getParam('website'),
        ]);
    }

    public function getStatusLine(): string
    {
        return $this->getLayout()->createBlock(StatusLine::class)->toHtml();
    }

    /**
     * @inheritdoc
     */
    protected function _getElementHtml(AbstractElement $element)
    {
        return $this->_toHtml();
    }
}
