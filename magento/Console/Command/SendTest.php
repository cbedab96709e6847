<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Console\Command;

use Magento\Framework\App\Area;
use Magento\Framework\App\State;
use Magento\Framework\Console\Cli;
use Orderstream\Webhook\Model\Tester;
use Orderstream\Webhook\Sending\Answer;
use Orderstream\Webhook\Sending\Scope;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;
use Symfony\Component\Console\Output\OutputInterface;

/** Sends one order now, past the table, and shows the answer. */
class SendTest extends Command
{
    public function __construct(
        private readonly State $state,
        private readonly Tester $tester,
    ) {
        parent::__construct();
    }

    protected function configure(): void
    {
        $this->setName('orderstream:test')
            ->setDescription('Send one order to orderstream now and show the answer')
            ->addOption('order', null, InputOption::VALUE_REQUIRED, 'entity_id; the newest order when not given')
            ->addOption('store', null, InputOption::VALUE_REQUIRED, 'id of the store view whose settings count');
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        $store = (int) $input->getOption('store');
        $scope = $store > 0 ? new Scope(Scope::STORES, $store) : new Scope();
        $answer = $this->state->emulateAreaCode(
            Area::AREA_CRONTAB,
            fn (): Answer => $this->tester->send($scope, (int) $input->getOption('order')),
        );
        $output->writeln($answer->text());

        return $answer->isTaken() ? Cli::RETURN_SUCCESS : Cli::RETURN_FAILURE;
    }
}
