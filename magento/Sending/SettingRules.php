<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Sending;

/** What a setting may be, wherever it comes from: the admin page, `config:set`, an import. */
class SettingRules
{
    public const SECRET_CHARACTERS = 16;

    private const ADDRESS = '~^https?://[^\s/?#@]+([/?#]\S*)?$~i';

    /** @return string what is wrong, '' when nothing is; an empty address is "not set yet" */
    public function addressProblem(string $url): string
    {
        return trim($url) === '' || preg_match(self::ADDRESS, trim($url)) === 1
            ? ''
            : 'The address has to begin with https:// (or http://) and to name a host.';
    }

    /** @param string $secret or several, separated by commas: each of them counts */
    public function secretProblem(string $secret): string
    {
        foreach (explode(',', $secret) as $one) {
            if (trim($secret) !== '' && strlen(trim($one)) < self::SECRET_CHARACTERS) {
                return 'The secret needs at least 16 characters: openssl rand -hex 32 makes a good one.';
            }
        }

        return '';
    }

    public function isNumber(string $number, int $most): bool
    {
        return ctype_digit(trim($number)) && (int) $number >= 1 && (int) $number <= $most;
    }
}
