<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Sending;

/**
 * The body of a webhook: {"event": ..., "order"|"customer": {...}}, without what nobody may see and
 * without what is in it twice.
 */
class Payload
{
    /** Magento's own names of what the body holds, whichever save it was that caused it. */
    private const EVENTS = [
        Delivery::ORDER => 'sales_order_save_commit_after',
        Delivery::CUSTOMER => 'customer_save_commit_after',
    ];
    /** Secrets and traces of the shopper, at the top of an order or customer. */
    private const HIDDEN = [
        'protect_code', 'remote_ip', 'x_forwarded_for',
        'password_hash', 'rp_token', 'rp_token_created_at', 'confirmation',
    ];
    private const HIDDEN_OF_PAYMENT = ['additional_information', 'cc_number_enc'];
    private const JSON = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE
        | JSON_INVALID_UTF8_SUBSTITUTE | JSON_THROW_ON_ERROR;

    /**
     * @param string $kind order or customer
     * @param array<string, mixed> $document as a repository of Magento shows it
     */
    public function encode(string $kind, array $document): string
    {
        return json_encode(['event' => self::EVENTS[$kind], $kind => $this->clean($document)], self::JSON);
    }

    /**
     * @param array<string, mixed> $document
     * @return array<string, mixed>
     */
    public function clean(array $document): array
    {
        $clean = array_diff_key($document, array_flip(self::HIDDEN));
        if (is_array($clean['payment'] ?? null)) {
            $clean['payment'] = $this->cleanPayment($clean['payment']);
        }
        if (is_array($clean['items'] ?? null)) {
            $clean['items'] = array_map($this->cleanItem(...), $clean['items']);
        }
        if (is_array($clean['extension_attributes'] ?? null)) {
            $clean['extension_attributes'] = $this->cleanExtensions($clean['extension_attributes']);
        }

        return $clean;
    }

    /**
     * @param array<string, mixed> $payment
     * @return array<string, mixed>
     */
    private function cleanPayment(array $payment): array
    {
        $payment = array_diff_key($payment, array_flip(self::HIDDEN_OF_PAYMENT));
        unset($payment['extension_attributes']['vault_payment_token']);

        return array_filter(
            $payment,
            static fn (string $name): bool => !str_starts_with($name, 'cc_'),
            ARRAY_FILTER_USE_KEY,
        );
    }

    /**
     * @param array<string, mixed> $extensions
     * @return array<string, mixed>
     */
    private function cleanExtensions(array $extensions): array
    {
        unset($extensions['payment_additional_info']);
        $assignments = $extensions['shipping_assignments'] ?? null;
        if (is_array($assignments)) {
            foreach ($assignments as $index => $assignment) {
                if (is_array($assignment)) {
                    unset($assignment['items']);  // the order's own rows once more
                    $extensions['shipping_assignments'][$index] = $assignment;
                }
            }
        }

        return $extensions;
    }

    private function cleanItem(mixed $item): mixed
    {
        if (is_array($item)) {
            unset($item['parent_item']);  // the whole parent row once more; parent_item_id stays
        }

        return $item;
    }
}
