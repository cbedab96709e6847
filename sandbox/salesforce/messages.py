"""The platform's messages in the integration user's language.

Codes, field names and ids are the same in every language, and an administrator's own texts stay as
they are. A message without an entry gets a general sentence of the language: English it is never.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

LANGUAGES = ("en_US", "pt_BR", "de", "ja", "fr", "es")
OWN_TEXTS = frozenset({"FIELD_CUSTOM_VALIDATION_EXCEPTION"})

# English → pt_BR, de, ja, fr, es; the groups of the pattern are put in as {0}, {1}, …
_TEXTS: tuple[tuple[str, tuple[str, str, str, str, str]], ...] = (
    (
        r"duplicate value found: (\S+) duplicates value on record with id: (\S+)",
        (
            "valor duplicado encontrado: {0} duplica o valor no registro com ID: {1}",
            "doppelter Wert gefunden: {0} dupliziert Wert im Datensatz mit der ID: {1}",
            "重複値が見つかりました: {0} が次の ID のレコードの値と重複しています: {1}",
            "valeur en double trouvée : {0} duplique la valeur de l'enregistrement avec l'ID : {1}",
            "se encontró un valor duplicado: {0} duplica el valor en el registro con el Id.: {1}",
        ),
    ),
    (
        r"Foreign key external ID: (.+) not found for field (\S+) in entity (\S+)",
        (
            "ID externo da chave estrangeira: {0} não encontrado para o campo {1} na entidade {2}",
            "Externe ID des Fremdschlüssels: {0} für Feld {1} in Einheit {2} nicht gefunden",
            "外部キーの外部 ID: {0} がエンティティ {2} の項目 {1} に見つかりません",
            "ID externe de la clé étrangère : {0} introuvable pour le champ {1} de l'entité {2}",
            "No se encontró el Id. externo de la clave foránea {0} del campo {1} en la entidad {2}",
        ),
    ),
    (
        r"Required fields are missing: \[(.*)\]",
        (
            "Campos obrigatórios não preenchidos: [{0}]",
            "Erforderliche Felder fehlen: [{0}]",
            "必須項目が入力されていません: [{0}]",
            "Champs obligatoires manquants : [{0}]",
            "Faltan campos obligatorios: [{0}]",
        ),
    ),
    (
        r"unable to obtain exclusive access to this record or \d+ records: (.+)",
        (
            "não foi possível obter acesso exclusivo a este registro: {0}",
            "exklusiver Zugriff auf diesen Datensatz nicht möglich: {0}",
            "このレコードへの排他的アクセスを取得できません: {0}",
            "impossible d'obtenir l'accès exclusif à cet enregistrement : {0}",
            "no se puede obtener acceso exclusivo a este registro: {0}",
        ),
    ),
    (
        r"(.+): data value too large: (.*) \(max length=(\d+)\)",
        (
            "{0}: valor de dados muito grande: {1} (tamanho máx.={2})",
            "{0}: Datenwert zu groß: {1} (maximale Länge={2})",
            "{0}: データ値が大きすぎます: {1} (最大長={2})",
            "{0} : valeur de données trop grande : {1} (longueur max={2})",
            "{0}: valor de datos demasiado grande: {1} (longitud máx.={2})",
        ),
    ),
    (
        r"(.+): bad value for restricted picklist field: (.*)",
        (
            "{0}: valor inválido para campo de lista de opções restrito: {1}",
            "{0}: Ungültiger Wert für eingeschränktes Auswahllistenfeld: {1}",
            "{0}: 制限つき選択リスト項目の値が不適切です: {1}",
            "{0} : valeur incorrecte pour le champ de liste de sélection restreinte : {1}",
            "{0}: valor incorrecto para el campo de lista de selección restringida: {1}",
        ),
    ),
    (
        r"Session expired or invalid",
        (
            "Sessão expirada ou inválida",
            "Sitzung abgelaufen oder ungültig",
            "セッションの期限が切れたか無効です",
            "Session expirée ou non valide",
            "Sesión caducada o no válida",
        ),
    ),
    (
        r"Duplicate external id specified: (.+)",
        (
            "ID externo duplicado especificado: {0}",
            "Doppelte externe ID angegeben: {0}",
            "重複する外部 ID が指定されています: {0}",
            "ID externe en double spécifié : {0}",
            "Se ha especificado un Id. externo duplicado: {0}",
        ),
    ),
    (
        r"TotalRequests Limit exceeded\.",
        (
            "Limite de TotalRequests excedido.",
            "Limit für TotalRequests überschritten.",
            "TotalRequests の制限を超えました。",
            "Limite TotalRequests dépassée.",
            "Se ha superado el límite de TotalRequests.",
        ),
    ),
    (
        r"storage limit exceeded",
        (
            "limite de armazenamento excedido",
            "Speicherlimit überschritten",
            "ストレージの制限を超えました",
            "limite de stockage dépassée",
            "se ha superado el límite de almacenamiento",
        ),
    ),
)
_COMPILED = tuple((re.compile(pattern), texts) for pattern, texts in _TEXTS)
_OTHERS = {
    "pt_BR": "A solicitação não pôde ser processada",
    "de": "Die Anforderung konnte nicht verarbeitet werden",
    "ja": "要求を処理できませんでした",
    "fr": "La requête n'a pas pu être traitée",
    "es": "No se pudo procesar la solicitud",
}


@lru_cache(maxsize=4096)
def translated(code: str, message: str, language: str) -> str:
    """Return the message in a language; raises KeyError for one that is not among LANGUAGES."""
    if language == "en_US" or code in OWN_TEXTS:
        return message
    for pattern, texts in _COMPILED:
        match = pattern.fullmatch(message)
        if match is not None:
            return texts[LANGUAGES.index(language) - 1].format(*match.groups())
    return f"{_OTHERS[language]} ({code})"


def translate(body: Any, language: str) -> Any:
    """Return the body of an answer with the messages of its errors in a language."""
    if isinstance(body, list):
        return [translate(item, language) for item in body]
    if not isinstance(body, dict):
        return body
    changed = {name: translate(value, language) for name, value in body.items()}
    code = body.get("errorCode") or body.get("statusCode")
    if isinstance(body.get("message"), str) and isinstance(code, str):
        changed["message"] = translated(code, body["message"], language)
    return changed
