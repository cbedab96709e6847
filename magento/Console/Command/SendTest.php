<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Console\Command;

use Magento\Framework\App\Area;
use Magento\Framework\App\State;
use Magento\Sales\Model\ResourceModel\Order\CollectionFactory;
use Orderstream\Webhook\Model\Sender;
use Orderstream\Webhook\Model\Settings;
use Orderstream\Webhook\Sending\Delivery;
use Orderstream\Webhook\Sending\Save;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;
use Symfony\Component\Console\Output\OutputInterface;

/** Sends one order now, past the queue, and shows the answer. */
class SendTest extends Command
{
    public function __construct(
        private readonly State $state,
        private readonly Settings $settings,
        private readonly CollectionFactory $orders,
        private readonly Sender $sender,
    ) {
        parent::__construct();
    }

    protected function configure(): void
    {
        $this->setName('orderstream:test')
            ->setDescription('Send one order to orderstream now and show the answer')
            ->addOption('order', null, InputOption::VALUE_REQUIRED, 'entity_id; the newest order when not given');
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        $problem = $this->settings->problem();
        if ($problem !== '') {
            $output->writeln("<error>Stores > Configuration > Services > Orderstream: $problem</error>");
            return 2;
        }
        $id = (int) ($input->getOption('order') ?: $this->newestOrder());
        if ($id <= 0) {
            $output->writeln('<error>there is no order; name one with --order=<entity_id></error>');
            return 2;
        }
        $save = new Save('sales_order_save_commit_after', Save::ORDER, $id, time());
        [$next, $answer] = $this->state->emulateAreaCode(
            Area::AREA_CRONTAB,
            fn (): array => $this->sender->send($save, attempts: 1),
        );
        $output->writeln("order $id: status $answer->status");
        $output->writeln($answer->detail);

        return $next === Delivery::TAKEN && $answer->isTaken() ? 0 : 1;
    }

    private function newestOrder(): int
    {
        $newest = $this->orders->create()->setOrder('entity_id', 'DESC')->setPageSize(1)->getFirstItem();

        return (int) $newest->getId();
    }
}
