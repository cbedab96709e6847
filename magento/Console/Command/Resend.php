<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Console\Command;

use Magento\Customer\Model\ResourceModel\Customer\CollectionFactory as CustomerCollectionFactory;
use Magento\Framework\Data\Collection\AbstractDb;
use Magento\Sales\Model\ResourceModel\Order\CollectionFactory as OrderCollectionFactory;
use Orderstream\Webhook\Model\Queue;
use Orderstream\Webhook\Model\Settings;
use Orderstream\Webhook\Sending\Save;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;
use Symfony\Component\Console\Output\OutputInterface;

/** Puts everything that changed in a time into the queue once more; sending it twice does no harm. */
class Resend extends Command
{
    private const PAGE = 500;
    private const TIME = '/^\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?$/';

    public function __construct(
        private readonly Settings $settings,
        private readonly OrderCollectionFactory $orders,
        private readonly CustomerCollectionFactory $customers,
        private readonly Queue $queue,
    ) {
        parent::__construct();
    }

    protected function configure(): void
    {
        $this->setName('orderstream:resend')
            ->setDescription('Send again what changed in a time (UTC, "2026-03-14" or "2026-03-14 18:00:00")')
            ->addOption('from', null, InputOption::VALUE_REQUIRED, 'changed at or after')
            ->addOption('to', null, InputOption::VALUE_REQUIRED, 'changed before; now when not given')
            ->addOption('customers', null, InputOption::VALUE_NONE, 'customers instead of orders')
            ->addOption('dry-run', null, InputOption::VALUE_NONE, 'only count');
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        $from = (string) $input->getOption('from');
        $to = (string) ($input->getOption('to') ?: gmdate('Y-m-d H:i:s'));
        if (preg_match(self::TIME, $from) !== 1 || preg_match(self::TIME, $to) !== 1) {
            $output->writeln('<error>--from and --to: write times as "2026-03-14 18:00:00", in UTC</error>');
            return 2;
        }
        $isDryRun = (bool) $input->getOption('dry-run');
        if (!$isDryRun && !$this->settings->isOn()) {
            $output->writeln('<error>Stores > Configuration > Services > Orderstream is off or not complete</error>');
            return 2;
        }
        $kind = $input->getOption('customers') ? Save::CUSTOMER : Save::ORDER;
        $count = 0;
        foreach ($this->ids($kind, $from, $to) as $id) {
            $count++;
            if (!$isDryRun) {
                $event = $kind === Save::ORDER ? 'sales_order_save_commit_after' : 'customer_save_commit_after';
                $this->queue->put(new Save($event, $kind, $id, time()));
            }
        }
        $output->writeln($count . ' ' . $kind . 's ' . ($isDryRun ? 'would be sent' : 'are in the queue'));

        return 0;
    }

    /** @return \Generator<int> ids in ascending order, a page at a time */
    private function ids(string $kind, string $from, string $to): \Generator
    {
        $last = 0;
        do {
            $page = $this->page($kind, $from, $to, $last);
            foreach ($page as $id) {
                yield $last = (int) $id;
            }
        } while (count($page) === self::PAGE);
    }

    /** @return array<int|string> */
    private function page(string $kind, string $from, string $to, int $after): array
    {
        /** @var AbstractDb $found */
        $found = $kind === Save::ORDER ? $this->orders->create() : $this->customers->create();
        $found->addFieldToFilter('updated_at', ['gteq' => $from])
            ->addFieldToFilter('updated_at', ['lt' => $to])
            ->addFieldToFilter('entity_id', ['gt' => $after])
            ->setOrder('entity_id', 'ASC')
            ->setPageSize(self::PAGE);

        return array_map(static fn ($item): int => (int) $item->getId(), array_values($found->getItems()));
    }
}
