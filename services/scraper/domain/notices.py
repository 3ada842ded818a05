r"""How notices are worded that sites show in a page's place, in the languages most of the web is written in.

A notice speaks in a title, a heading or a short line of its own. Pages that are about notices have the same words in
their sentences, between quotation marks, or as one part of a longer title: those do not count.

The wordings are RE2's: some hundreds of alternatives take it one pass over a page, and no hostile page more. There is
no looking ahead, and `\w` means ASCII: a letter is `\pL`.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import re2

from services.scraper.domain import stems
from services.scraper.domain.stems import Pair
from services.scraper.domain.wording import encodable, wordings
from shared.counting import count_words

SHORT = 30
"""Words; a longer line is prose, whatever it speaks of."""

_PARTS = re.compile(r"\s+[|–—·•»«:\-]+\s+|\s*\|\s*")
_QUOTED = re.compile(r"“[^“”]*”|„[^„“”]*[“”]|«[^«»]*»|\"[^\"]*\"|‘[^‘’]*’|「[^「」]*」")
_AROUND = " \t.!…?:,;·|–—-\u200b。！»«"


@dataclass(frozen=True, slots=True)
class Notice:
    """One kind of notice.

    Attributes:
        named: how it is called: the whole of a heading or of a title's part.
        says: what a line of it tells its reader.
        pair: two things that its short lines speak of, in whatever words.
        mark: what sites call the body or the place of such a notice, in classes and ids.
        about: what it speaks of, in parts of words; None where one can speak of that in many other ways.
    """

    named: re2._Regexp
    says: re2._Regexp
    about: re2._Regexp | None = None
    pair: Pair | None = None
    mark: re.Pattern[str] | None = None

    def names_in(self, title: str, headings: Sequence[str]) -> list[str]:
        """The title's parts, and the headings, that are this notice's name; each once."""
        parts = (_bare(part) for part in (*parts_of(title), title, *headings))
        return list(dict.fromkeys(part for part in parts if part and self.named.fullmatch(part)))

    def topics_in(self, text: str) -> set[str]:
        """What the notice speaks of that is spoken of in a text."""
        return {each.casefold() for each in self.about.findall(encodable(text))} if self.about else set()

    def said_in(self, lines: "ShortLines") -> list[str]:
        """Those of the lines that say what this notice says."""
        said = lines.with_words(self.says)
        return [line for line in said if not (self.pair and self.pair.is_in_passing(line))]

    def spoken_in(self, lines: "ShortLines") -> list[str]:
        """Those of the lines that speak of both things that this notice speaks of."""
        if self.pair is None or not (others := lines.with_words(self.pair.other)):
            return []
        both = set(lines.with_words(self.pair.one)).intersection(others)
        return [line for line in others if line in both and not self.pair.is_in_passing(unquoted(line))]

    def begun_in(self, lines: "ShortLines") -> list[str]:
        """Those of the lines that speak of the first of the two things."""
        return lines.with_words(self.pair.one) if self.pair else []

    def mark_in(self, names: str) -> str:
        """The first of the names a site has given its page that is one of this notice; empty when none is."""
        found = self.mark.search(names) if self.mark else None
        return found[0].strip() if found else ""


@dataclass(frozen=True)
class ShortLines:
    """A page's lines that are no prose, to be searched for many notices."""

    lines: Sequence[str]

    @classmethod
    def of(cls, lines: Sequence[str]) -> "ShortLines":
        """The short ones of all lines."""
        return cls([line for line in lines if count_words(line) <= SHORT])

    def with_words(self, words: re2._Regexp) -> list[str]:
        """The lines in which these words stand outside of quotation marks."""
        if words not in self._found:
            self._found[words] = [
                self.lines[place] for place in self._candidates(words) if words.search(self._told[place])
            ]
        return self._found[words]

    def _candidates(self, words: re2._Regexp) -> list[int]:
        """Places of lines that a match in all of them touches: one pass, however many lines there are."""
        touched = set[int]()
        for match in words.finditer(self._text):
            first, last = (bisect_right(self._starts, place) - 1 for place in (match.start(), match.end() - 1))
            touched.update(range(first, last + 1))
        return sorted(touched)

    @cached_property
    def _told(self) -> list[bytes]:
        """The lines without what is quoted in them, as RE2 reads them."""
        return [unquoted(line).encode() for line in self.lines]

    @cached_property
    def _text(self) -> bytes:
        return b"\n".join(self._told)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *accumulate(len(line) + 1 for line in self._told)][:-1]

    @cached_property
    def _found(self) -> dict[re2._Regexp, list[str]]:
        return {}


def unquoted(line: str) -> str:
    """A line without what is quoted in it."""
    return encodable(_QUOTED.sub(" ", line))


def _called(*names: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\S)(?:{'|'.join(names)})(?!\S)", re.IGNORECASE)


def parts_of(title: str) -> list[str]:
    """The parts of a title: sites put their name, and what they are, before or behind the page's own."""
    return [part for part in _PARTS.split(title) if part]


def _bare(text: str) -> str:
    return encodable(" ".join(text.split()).strip(_AROUND).replace("’", "'"))


CHALLENGE = Notice(
    mark=_called(
        r"(?:page-|bot-|human-)?(?:challenge|captcha|verification)(?:-(?:page|form|container|wrapper|running|body))?"
    ),
    pair=stems.CHALLENGE,
    named=wordings(
        r"just a moment|one moment,? please|please wait(?: a moment)?|one more step|nur einen moment|einen moment,? bitte",
        r"un instant|un momento(?:,? por favor)?|um momento|een moment geduld|один момент|подождите|请稍候|請稍候",
        r"しばらくお待ちください|잠시만 기다리십시오|bir dakika lütfen|jeszcze chwila|ett ögonblick",
        r"(?:security|human|browser|robot|bot|captcha) (?:check|verification|challenge|checkpoint)|verification",
        r"vercel security checkpoint|ddos-guard|captcha|robot or human|are you (?:a )?(?:robot|human)",
        r"pardon our interruption|attention required(?: cloudflare)?|you are being redirected",
        r"(?:checking|verifying) your browser.{0,60}|making sure you're not a bot|prove (?:that )?you(?:'re| are) human",
        r"verify(?:ing)? (?:that )?you(?:'re| are) (?:a )?(?:human|not a (?:ro)?bot)|before we continue",
        r"sicherheits(?:überprüfung|check|abfrage)|vérification de sécurité|comprobación de seguridad",
    ),
    says=wordings(
        r"(?:zeichen|buchstaben) (?:im|aus dem) bild|characters (?:you see|shown|in the (?:image|picture))|caract[eè]res de la? ?l?[’']?image",
        r"(?:slide|swipe|drag|glissez|deslice|desliza) .{0,20}(?:right|droite|derecha|complet|verif)|символы с картинки|(?:non|pas) (?:à )?un robot|compléter le puzzle",
        r"(?:verify|confirm|prove|check(?:ing)?|make sure|making sure|verifying) (?:that |if )?you(?:'re|’re| are) "
        r"(?:really )?(?:a )?(?:human|person|not a (?:ro)?bot)",
        r"(?:checking|verifying) (?:if the site connection is secure|your browser|your connection)",
        r"press (?:&|and) hold|hold the button to confirm|unusual traffic from|complete the (?:security check|captcha)",
        r"(?:type|enter) the characters (?:you see|below|in the)|made us think you (?:were|are) a (?:ro)?bot",
        r"(?:javascript|js) and (?:cookies to continue|disable any ad)|enable (?:js|javascript) and disable any ad",
        r"needs? to review the security of your connection|sie ein mensch sind|die sicherheit ihrer verbindung",
        r"que (?:vous êtes|eres|es|você é|sei) (?:bien )?(?:un |una |um )?(?:humain|humano|umano|ser humano)",
        r"人間であることを確認|接続のセキュリティを確認|您是(?:真)?人|确认您不是机器人|사람인지 확인|что вы (?:человек|не робот)",
        r"je suis pas un robot|no eres un robot|kein roboter|geen robot",
    ),
    about=wordings(
        r"robots?\b|\bbots?\b|human\b|captcha|browser|verif\pL|validat\pL|challenge|automated|security|secure|connection|seconds",
        r"roboter|mensch|überprüf|sicherheit|automatisch|navigateur|vérif|humain|navegador|humano|umano|segur",
        r"робот|автоматическ|браузер|провер|подтверд|ロボット|人間|ブラウザ|确认|验证|机器人|浏览器|로봇|브라우저|tarayıcı|doğrula",
    ),
)

BLOCKED = Notice(
    mark=_called(
        r"(?:page-|access-?)?(?:denied|blocked|forbidden)(?:-(?:page|container|wrapper|body))?",
        r"(?:error|page|status)-?(?:403|451)",
    ),
    pair=stems.BLOCKED,
    named=wordings(
        r"(?:error:? )?(?:40[36]|451|1020)(?: error)?|(?:error )?403[ :\-–]*forbidden|forbidden|not acceptable",
        r"access(?: to this page)? (?:has been |is |was )?(?:temporarily )?(?:denied|restricted|blocked|forbidden)",
        r"access denied.{0,60}|you have been blocked|(?:sorry,? )?you(?:'ve| have) been blocked.{0,30}|blocked",
        r"(?:web ?)?(?:page|site|website|url|content) (?:has been |is |was )?(?:blocked|restricted)",
        r"request (?:rejected|blocked|denied|unsuccessful)|(?:this|your) request (?:was|has been) blocked.{0,40}",
        r"attention required(?: cloudflare)?|your access to this site has been limited.{0,30}",
        r"(?:this \pL+ is )?(?:not available|unavailable) in your (?:country|region|location|area)",
        r"451:? unavailable.{0,30}|unavailable for legal reasons|unsupported browser|browser not supported",
        r"(?:your|this) browser is (?:not|no longer) supported.{0,30}|please (?:update|upgrade) your browser",
        r"zugriff (?:verweigert|blockiert|gesperrt)|accès (?:refusé|interdit|bloqué)|acceso (?:denegado|bloqueado)",
        r"accesso negato|acesso negado|toegang geweigerd|доступ (?:запрещ[её]н|ограничен)|アクセス(?:が)?拒否.{0,10}|访问被拒绝",
    ),
    says=wordings(
        r"you(?:'ve|’ve| have) been blocked|(?:your|this) (?:request|access|ip(?: address)?) (?:was|has been|is) "
        r"(?:blocked|denied|limited|rejected|banned)",
        r"(?:url|request) was rejected|you (?:don't|don’t|do not) have (?:permission|access) to (?:access|view)",
        r"access to this (?:page|site|website|service|resource) (?:has been|is|was) (?:denied|blocked|restricted|limited)",
        r"access (?:cannot be granted|from your (?:area|country|region|ip)).{0,40}|not available in your (?:country|region)",
        r"(?:detected|noticed) (?:unusual|suspicious) activity|generated by mod_security|blocked by (?:our|network) security",
        r"(?:not|cannot be|can't be) (?:available|shown|watched|viewed) (?:in your (?:country|region)|where you are)",
        r"(?:only|just) (?:available|be (?:viewed|watched|streamed|played)) (?:in|from|within) (?:the )?\pLu|(?:kan|får) .{0,20}(?:bare|kun|bara|endast) (?:ses|spilles|visas)",
        r"nur (?:in|aus|innerhalb) .{0,25}(?:verfügbar|abrufbar|gesehen|empfang)|(?:solo|sólo|só|uniquement|seulement) .{0,25}(?:en|in|em|depuis|dans) (?:el |le |la |o )?(?:territori|territoire|España|France|Italia|Brasil|Portugal)",
        r"(?:dostępn\pL+|widoczn\pL+) (?:tylko|wyłącznie) (?:w|na terenie)|dostupn\pL+ (?:pouze|jen) (?:v|z)|(?:katso|nähtä)\pL+ vain|только (?:на территории|в россии)",
        r"ihre? (?:anfrage|zugriff|ip.adresse) wurde (?:\pL+ ){0,3}(?:blockiert|gesperrt|abgelehnt)|votre (?:accès|requête) a été bloqué",
        r"su (?:acceso|solicitud) ha sido (?:bloquead|denegad)|доступ к .{0,40}(?:запрещ[её]н|ограничен)",
    ),
    about=wordings(
        r"block(?:ed|ing)|denied|forbidden|reject\pL|restrict\pL|banned|permission|security|administrator|support id|firewall",
        r"unusual|suspicious|gesperrt|blockiert|verweigert|sicherheit|bloqu|interdit|refusé|denegad|negato|geweigerd|geblokkeerd",
        r"заблокирован|запрещ|безопасност|拒否|ブロック|拒绝|阻止|禁止|차단|engellen|yasak",
    ),
)

LOGIN = Notice(
    mark=_called(
        r"(?:page-?|is-)?(?:log-?in|sign-?in|auth-?wall|login-?wall)(?:-?(?:page|form|container|wrapper|body|required|card|box))?"
    ),
    pair=stems.LOGIN,
    named=wordings(
        r"(?:please )?(?:log|sign)[ \-]?(?:in|on)(?: or (?:sign|register|log)[ \-]?(?:up|in)?)?(?: (?:to|required)\b.{0,40})?",
        r"(?:member|user|customer|client|account)s? (?:log|sign)[ \-]?in|login required|authentication required",
        r".{1,40} is (?:set to )?(?:a )?private(?: \w+)?",
        r"area riservata.{0,20}|zona (?:privada|de socios)|espace (?:membres?|adhérents?|abonnés?)|mitgliederbereich|members?[' ]*(?:area|only)",
        r"(?:join|sign up)(?: (?:to|for|now))?(?: linkedin| today)?|join linkedin|sign up or log in",
        r"(?:bitte )?(?:anmelden|einloggen|anmeldung|login)(?: erforderlich)?|(?:se )?connecter|connexion|identifiez-vous",
        r"iniciar sesión|inicia sesión|acceder|entrar|iniciar sessão|accedi|accesso|login utente|inloggen|aanmelden",
        r"logga in|logg inn|log ind|kirjaudu(?: sisään)?|zaloguj się|logowanie|přihlášení|вход|войти|авторизация",
        r"ログイン|サインイン|登录|登錄|登入|로그인|giriş(?: yap)?",
    ),
    says=wordings(
        r"(?:must|need to|have to|please|required to) (?:\pL+ ){0,4}(?:log|logged|sign|signed)[ \-]?(?:in|on)\b"
        r"(?:\.|,|$| to (?:continue|view|see|read|access"
        r"|open|proceed|use|watch|this)| (?:before|first|and try|with))",
        r"(?:^|[.?!] )(?:log|sign)[ \-]?in (?:or (?:sign up|register|create an account) )?to (?:continue|view|see|read|access|proceed)",
        r"^to (?:continue|view this|see this|read this|access this)[^.]{0,30}(?:log|sign)[ \-]?in\b",
        r"only (?:\w+ )?members can (?:view|see|read)|^request (?:to join|access)$",
        r"(?:only|just) (?:available|visible) to (?:logged|signed|registered)[ \-]?(?:in)?|this (?:account|profile|\w+) is private",
        r"^.{0,12}forg[eo]t(?:ten)? (?:your |my )?(?:password|account|username|email).{0,12}$|^can'?’?t log in\?",
        r"melden sie sich (?:bitte )?an,? um|loggen sie sich ein,? um|(?:müssen|musst) .{0,30}(?:angemeldet|eingeloggt|anmelden)",
        r"passwort vergessen|mot de passe oublié|olvid(?:ó|aste|é) (?:su |tu |mi )?contraseña|password dimenticata",
        r"devez (?:être connecté|vous connecter)|connectez-vous pour|(?:debe|debes|tienes que) iniciar sesión",
        r"inicia sesión para|devi accedere|accedi per|precisa (?:fazer login|entrar)|moet (?:ingelogd|inloggen)",
        r"wachtwoord vergeten|esqueceu (?:a |sua )?senha|ログインしてください|请(?:先)?登录|необходимо (?:войти|авторизоваться)",
        r"забыли пароль|パスワードをお忘れ|비밀번호를 잊",
    ),
)

PAYWALL = Notice(
    pair=stems.PAYWALL,
    named=wordings(
        r"subscribe to (?:read|continue|unlock|keep reading).{0,30}|(?:this|the) (?:post|article|story|content|episode) is "
        r"(?:only )?for (?:paid|paying )?(?:paid |paying )?(?:subscribers|members)(?: only)?",
        r"(?:subscriber|member|premium)s?[ \-](?:only|exclusive)(?: (?:story|article|content|post))?",
        r"(?:become a (?:member|subscriber)|create an account|sign up|subscribe|join) (?:now )?to "
        r"(?:read|continue|unlock|keep|view).{0,40}",
        r"(?:keep|continue) reading (?:for|with) .{0,40}|get (?:full )?access to this (?:article|story|chapter|content)",
        r"(?:join|subscribe|log in|sign up|pay) to unlock.{0,30}|mit .{1,30} weiterlesen|weiterlesen (?:mit|im|für) .{0,40}|lesen sie weiter mit .{0,40}|lees verder met .{0,40}|verder lezen",
        r"(?:article|contenu) réservé aux abonnés|contenido exclusivo.{0,40}|contenuto riservato.{0,40}",
    ),
    says=wordings(
        r"subscribe (?:now |today )?to (?:continue|keep|read|unlock|access|view)|to (?:continue|keep) reading\b",
        r"(?:this|the) (?:post|article|story|content|page|author made this story) (?:is )?(?:only )?(?:available )?"
        r"(?:for|to) (?:our )?(?:paid |paying |medium )?(?:subscribers|members)",
        r"(?:create an account|sign up|become a member|join|upgrade|log in) to (?:read|unlock|view|access) (?:the|this)"
        r" (?:full )?(?:story|article|post)",
        r"already a(?:n?| paid) (?:paid )?(?:subscriber|member)|(?:buy|rent|purchase) (?:this )?(?:pdf|article|chapter|access|options)|access (?:through|via) your (?:institution|library)",
        r"(?:get|buy|purchase) (?:full |instant )?access to (?:this|the full) (?:article|story|chapter)",
        r"you(?:'ve|’ve| have) (?:reached|read|used) (?:your|all|the).{0,30}(?:free|limit)|(?:free articles?|stories) left",
        r"(?:limit|l[íi]mite?|limiet|gräns|grense|grænse|лимит|raja|sınır)\pL*\W.{0,30}(?:free|gratis|gratuit|grátis|kostenlos|frei|ilmai|бесплатн|darmow|ücretsiz)",
        r"(?:free|gratis|gratuit|kostenlos|бесплатн|darmow|ücretsiz|ilmai|zdarma|ingyen)\pL*\W.{0,30}(?:limit|sınır|verbraucht|aufgebraucht|лимит|wyczerpa|vyčerp)",
        r"(?:unlock|débloque|freischalt|desbloque|sblocca|odblokuj|ontgrendel|lås (?:upp|op)|разблок|odemkn)\pL* (?:this|the|full|cet|diesen|este|quest|ten|dit)",
        r"^(?:subscriber|member|premium|plus|\pL+\+)\W{0,2}(?:s['’]? )?(?:exclusive|only)$|nur für abonnent|für abonnenten (?:lesbar|verfügbar)|(?:bereits|schon) abonnent|jetzt abonnieren und",
        r"(?:réservée?|réservés) aux abonnés|s[’']abonner pour (?:lire|continuer)|reste .{0,20}de cet article",
        r"(?:exclusivo|solo|sólo) para (?:suscriptores|socios)|suscríbete para (?:seguir|leer|continuar)",
        r"riservato agli abbonati|abbonati per (?:continuare|leggere)|(?:alleen|exclusief) voor abonnees",
        r"exclusivo para assinantes|assine para (?:ler|continuar)|dla (?:subskrybentów|prenumeratorów)|для подписчиков",
        r"(?:この記事|続き)は.{0,10}会員|会員限定|有料会員|订阅(?:后|以)继续|구독자 전용",
    ),
)

_THING = r"(?:page|site|blog|profile|content|article|post|document|file|link|url|address|video|product|item|listing|job|event|thread|topic)"
MISSING = Notice(
    mark=_called(
        r"(?:error|page|template|status|http|is|e)?[_-]?(?:page)?[_-]?(?:404|410)(?:[_-]?page)?",
        r"(?:page|is|error|route|content)?[_-]{0,2}not-?_?found(?:-?_?(?:page|wrapper|container|content))?",
        r"(?:item|listing|ad|offer|job|page|product)-?_?(?:expired|gone|removed|deleted|unavailable)",
    ),
    pair=stems.MISSING,
    named=wordings(
        r"(?:http )?(?:error:? ?)?40[40](?: error)?|(?:error:? ?)?(?:404|410)?[ :\-–]*(?:the |this |that )?(?:\w+ )?"
        r"(?:page |file |resource |url )?(?:was |could )?(?:not|can't|cannot) (?:be )?found",
        r"(?:oops|sorry|whoops|uh oh|hmm)?[,!. ]*(?:404[ ,!:\-–]*)?(?:we )?(?:couldn't|can't|could not|cannot) (?:seem to )?find "
        rf"(?:that|this|the|your) {_THING}.{{0,40}}",
        rf"(?:oops|sorry|whoops|uh oh|hmm)?[,!. ]*(?:that|this|the) {_THING} (?:can't|cannot|could not|couldn't) be found",
        rf"(?:oops|sorry)?[,!. ]*(?:that|this|the) {_THING} (?:(?:is|has been|was) (?:no longer|not|n't)|isn't|(?:does not|doesn't|no "
        rf"longer)) (?:available|exists?|here|active|be removed|online)(?: any ?more)?|{_THING} (?:is )?no longer (?:available|exists?)",
        rf"(?:that|this|the) {_THING} (?:has been|was) (?:removed|deleted|taken down)|nothing (?:was )?found(?: here)?",
        r"(?:fehler ?404[ :\-–]*)?(?:die )?(?:seite|inhalt|artikel|dokument)(?: wurde)?(?: leider)? nicht (?:gefunden|verfügbar|vorhanden)",
        r"(?:fehler|erreur|errore|erro|fout|ошибка|エラー) ?:?404|(?:erreur 404[ :\-–]*)?(?:cette |la )?page (?:introuvable|non trouvée|inexistante)",
        r"(?:la )?p[áa]gina no (?:encontrada|existe|disponible)|(?:a )?p[áa]gina não (?:foi )?(?:encontrada|existe)|pagina non trovata",
        r"pagina niet gevonden|sidan (?:hittades|kunde) inte.{0,10}|siden (?:blev )?ikke funnet|siden findes ikke|sivua ei löy.{0,8}",
        r"(?:такой )?страниц[аы] не (?:найдена|существует)|nie znaleziono strony|strona nie (?:istnieje|została znaleziona)",
        r"stránka nenalezena|sayfa bulunamadı|(?:お探しの)?ページが?(?:は)?見つかりません(?:でした)?|页面(?:不存在|未找到|没有找到)|頁面不存在",
        r"페이지를 찾을 수 없습니다|找不到(?:该|此)?页面",
    ),
    says=wordings(
        rf"{_THING} (?:you(?:'re|’re| are| were|'ve|’ve| have)? (?:looking|searching|tr(?:y|ied)|request|after|were|follow)\pL*)",
        rf"(?:we )?(?:couldn'?’?t|can'?’?t|could not|cannot) (?:seem to )?find (?:that|this|the|your|what) ?(?:{_THING}|you)",
        rf"(?:this|that|the) {_THING} (?:could not|couldn'?’?t|can'?’?t|cannot) be found|nothing was found at this location"
        r"|(?:there is|we have|has) (?:currently )?no (?:text|article|page|content) (?:in|at|with|for|under) th(?:is|at)",
        rf"(?:this|that|the|requested) (?:\pL+ )?{_THING} (?:does not|doesn'?’?t|no longer) exists?|{_THING} may (?:be broken|have been (?:re)?moved)",
        r"seite .{0,40}(?:existiert|nicht (?:gefunden|vorhanden)|verschoben|gelöscht)|page .{0,40}(?:n[’']existe (?:pas|plus)|introuvable)",
        r"p[áa]gina .{0,40}(?:no (?:se ha encontrado|existe)|não existe|eliminada)|pagina .{0,40}(?:non esiste|bestaat niet)",
        r"страниц\pL+ .{0,30}(?:не существует|удалена|не найдена)|ページは.{0,20}(?:移動|削除)|页面.{0,10}(?:不存在|已被删除|已删除)",
    ),
)

PLACEHOLDER = Notice(
    mark=_called(r"(?:under-construction|coming-soon|parked|parking)(?:-(?:page|mode|body))?"),
    pair=stems.PLACEHOLDER,
    named=wordings(
        r"(?:this )?(?:domain|account|site|website)(?: name)?(?: has been| is| was)? (?:suspended|expired|parked|for sale)",
        r"[\pL\pN.\-]+ is (?:parked|for sale|available)|domain (?:parking|for sale)|buy this domain|parked domain.{0,30}",
        r"welcome to nginx|it works|(?:apache2? )?(?:ubuntu |debian |centos |http server )*(?:default|test) page.{0,30}",
        r"apache2 (?:ubuntu|debian) default page.{0,20}|iis windows(?: server)?|default (?:web site|plesk) page|hello world",
        r"(?:site|website|page)? ?(?:under construction|coming soon)|(?:site|website|project) not (?:found|configured|published)",
        r"there isn't a github pages site here|no such (?:app|site)|diese domain (?:ist|steht) .{0,30}|domaine en vente",
    ),
    says=wordings(
        r"(?:domain|website|web page)(?: name)? (?:\S+ )?(?:is|may be) (?:for sale|parked|available for purchase)",
        r"owner of this domain|make an offer|(?:get|buy|purchase|own) this domain|generated by the domain (?:owner|holder)|domain parking|parked (?:for )?free",
        r"(?:account|site|website) has been suspended|web server is (?:successfully )?(?:installed|running) and working",
        r"diese domain (?:steht|ist) .{0,20}(?:verkauf|geparkt)|ce domaine est (?:à vendre|en vente)|dominio en venta",
    ),
)

BROKEN = Notice(
    mark=_called(r"(?:site-|page-|in-|is-)?maintenance(?:-(?:page|mode|body))?", r"(?:error|page|status)-?50[0234]"),
    pair=stems.BROKEN,
    named=wordings(
        r"(?:error:? ?)?50[0234](?: error)?[ :\-–]*(?:internal server error|bad gateway|service (?:temporarily )?unavailable"
        r"|gateway time-?out)?|(?:error )?(?:internal server error|bad gateway|service (?:temporarily )?unavailable|gateway time-?out)",
        r"(?:site |scheduled |under )?maintenance(?: mode)?|(?:site|website) (?:is )?(?:under|down for) maintenance",
        r"(?:virtual )?waiting room|you are (?:now )?in (?:the )?(?:line|queue).{0,30}|sie sind in der warteschlange|file d[’']attente",
        r"we(?:'ll| will) be (?:right )?back(?: soon)?|(?:oops[,!. ]*)?something (?:went|has gone|is) wrong|server error",
        r"error establishing a database connection|application error|wartung(?:sarbeiten|smodus)?|(?:en |site en )?maintenance(?: en cours)?"
        r"|(?:sitio )?en mantenimiento|(?:site |página )?em manutenção|(?:sito )?in manutenzione|manutenzione in corso|onderhoud|underhåll(?:sarbete)?"
        r"|vedlikehold|vedligehold(?:else)?|huoltokatko|przerwa techniczna|prace (?:techniczne|konserwacyjne)|odstávka|údržba|karbantartás"
        r"|(?:технические|технічні|профилактические) работ[ыи]|техническое обслуживание|технічні роботи|bakım(?:dayız| çalışması)?|mentenanță"
        r"|bảo trì|sedang dalam pemeliharaan|시스템 점검(?: 안내)?|サーバーエラー|系统(?:维护|错误)",
        r"(?:an|a server) (?:unexpected |internal )?error (?:has )?occurred|メンテナンス中|(?:技术|系统)?维护中",
    ),
    says=wordings(
        r"(?:performing|undergoing|down for|closed for) (?:some |scheduled |essential )*maintenance|be back (?:online )?shortly",
        r"(?:please )?try again (?:later|in a (?:few|little|while|moment))|(?:went|gone) wrong on our (?:side|end)",
        r"(?:number|place|position) in (?:line|the queue)|when it is your turn|estimated wait",
        r"error establishing a database connection|temporarily (?:unavailable|overloaded|down)",
    ),
)

CONSENT = Notice(
    mark=_called(
        r"(?:age|cookie|consent|privacy)-?(?:gate|wall|verification|check)(?:-(?:page|wrapper|container|heading|body))?"
    ),
    pair=stems.CONSENT,
    named=wordings(
        r"before you continue.{0,30}|sind sie (?:schon |über )?(?:volljährig|1[68]).{0,20}|(?:avez-vous|as-tu) (?:plus de )?18 ans.{0,20}|(?:are you|you must be) (?:over |at least )?(?:18|21|of legal).{0,30}|bevor sie (?:fortfahren|weitergehen|zu .{0,20}weitergehen)|avant de continuer.{0,30}",
        r"antes de (?:ir|continuar).{0,30}|prima di continuare.{0,30}|voordat je (?:verdergaat|doorgaat).{0,30}",
        r"(?:we value your|your) privacy(?: choices| matters)?|cookie (?:consent|settings)|einwilligung|(?:weiter(?:lesen)?|weitersurfen) mit werbung.{0,30}|(?:continuer|lire) avec (?:la )?publicité.{0,30}|(?:continuar|seguir) con publicidad.{0,30}|continua con (?:la )?pubblicità.{0,30}",
    ),
    says=wordings(
        r"^(?:accept|reject|agree)(?: all| and continue| & continue)?(?: cookies)?$|^i (?:accept|agree)$|^manage (?:my )?(?:choices|options)$",
        r"^(?:alle(?:s)? )?(?:akzeptieren|ablehnen|zustimmen)(?: und weiter)?$|^(?:tout )?(?:accepter|refuser)(?: et .{0,20})?$",
        r"we use cookies and (?:similar|data|other)|mit werbung und .{0,15}(?:tracking|cookies)|avec (?:de la )?publicité et .{0,15}(?:cookies|traceurs)|con (?:pubblicità|publicidad) (?:e|y) .{0,15}cookies?|^(?:aceptar|rechazar|accetta|rifiuta)(?: tod[oa]s?| tutto)?$",
    ),
)
