/** The button "Send test": posts, and shows what came back. */
define(['jquery', 'mage/translate'], function ($, $t) {
    'use strict';

    return function (settings) {
        var button = $(settings.button),
            answer = $(settings.answer);

        button.on('click', function () {
            button.prop('disabled', true);
            answer.text($t('Sending the newest order, with the settings as they are saved …'));
            $.ajax({
                url: settings.url,
                type: 'POST',
                dataType: 'json',
                data: {'form_key': window.FORM_KEY}
            }).done(function (said) {
                answer.text((said.isTaken ? $t('Taken: ') : $t('Not taken: ')) + said.text);
            }).fail(function () {
                answer.text($t('The store itself did not answer.'));
            }).always(function () {
                button.prop('disabled', false);
            });
        });
    };
});
