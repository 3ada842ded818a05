"""What notices speak of, as beginnings of words in twenty languages: two of them in a short line tell more than a phrase.

Nobody can list how every site says that a page is missing. That a heading of a few words speaks of *a page* and of
*not being there* holds for all of them.
"""

import re
from dataclasses import dataclass

import re2

from services.scraper.domain.wording import encodable, wordings


@dataclass(frozen=True, slots=True)
class Pair:
    """Two things that one short line speaks of.

    Attributes:
        but: a line that speaks of this too says something else.
    """

    one: re2._Regexp
    other: re2._Regexp
    but: re2._Regexp | None = None

    def is_in_passing(self, line: str) -> bool:
        """Whether the line speaks of what makes it say something else."""
        return self.but is not None and self.but.search(encodable(line)) is not None


def _stems(*spaced: str, unspaced: str = "") -> re2._Regexp:
    """Of words that begin so; of scripts without spaces wherever they stand."""
    words = r"(?:^|[^\pL\pN_])(?:" + "|".join(spaced).replace(r"\w", r"\pL") + ")"
    return wordings(words, *([unspaced] if unspaced else []))


_THING = _stems(
    r"page|site|article|link|url|address|post\b|listing|advert|offer|job|position|vacanc|item|product|video|file",
    r"content|profile|user\b|event|recipe|repositor|thread|question|story|episode|document|channel|tweet|resource",
    r"what you|thing|seite|inhalt|artikel|beitrag|angebot|anzeige|stelle|produkt|profil|veranstaltung|dokument",
    r"rezept|p[áa]gin|art[íi]c|conte[nú]|ofert|anunci|produt|enlace|v[íi]deo|publicaci|annonce|offre|produit|lien",
    r"annunci|articol|prodott|artig|stron|ogłoszeni|artykuł|str[áa]nk|inzer|insera|sida|annons|siden|sivu|ilmoitus",
    r"vacature|bericht|страниц|стать|объявлени|товар|ваканси|запис|матери|сторінк|sayfa|[iİ]lan|ürün|içerik|σελίδα",
    r"requisition|opening|trang|halaman|oldal|propert|home\b|house|flat\b|room\b|auction|vehicle|car\b|paste\b|group|communit|account|song|playlist",
    r"album|app\b|project|course|book\b|invit|survey|ticket|issue|comment|immobilie|wohnung|haus\b|gruppe|konto|kurs",
    r"inmueble|vivienda|grupo|cuenta|im[óo]vel|conta\b|immobile|gruppo|logement|maison|bien\b|groupe|compte|woning|huis\b",
    r"groep|mieszkan|grup|byt\b|skupin|bostad|bolig|hus\b|asunto|ryhmä|дом\b|квартир|групп|канал|видео|відео",
    r"konut|ev\b|grub|pagin[ăa]|anunț|produsul|articolul|αγγελία|προϊόν|άρθρο|bài viết|sản phẩm|produk|termék",
    r"hirdet|cikk",
    r"guide\b|snippet|lesson|podcast|photo|entry|coupon|petition|campaign|hotel|restaurant|receta|ricett|recette|recept|przepis|resept",
    r"рецепт|curso|cours\b|corso|foto|bild|billed|kuva|zdjęci|фото|przedmiot|aukcj|nieruchomo|evento|événement|wydarzen",
    r"událost|tapahtuma|evenemang|arrangement|etkinlik|событи|поді[яї]|мероприят|usuario|utilisateur|utente|użytkown|uživatel",
    r"användar|bruger|bruker|käyttäj|пользоват|користувач|kullanıcı|felhasznál|utilizator|bejegyz|χρήστη|tautan|pengguna",
    unspaced="ページ|記事|商品|求人|投稿|动画|頁面|页面|文章|内容|網頁|网页|페이지|게시물|상품|الصفحة|صفحه",
)
_GONE = _stems(
    r"not? (?:be )?(?:found|longer|more|exist|available|here)",
    r"\w+n['’]?t (?:be )?(?:found|exist|available|here|find|seem)|cannot (?:be )?f|could not (?:be )?f|unavailable",
    r"(?:been |was |were |be )?(?:removed|deleted|withdrawn|taken down|retired)|expired|discontinued",
    r"(?:has|have|is|was) (?:ended|closed|gone|missing|moved|lost|been (?:moved|filled|closed)|missing|expired)",
    r"gone\b|nicht (?:mehr|gefunden|verfügbar|vorhanden|finden|exist)|existiert nicht|gibt es nicht|gelöscht",
    r"abgelaufen|entfernt|beendet|introuvable|n['’](?:existe|est plus|a pas été)|supprimé|expiré|retiré",
    r"plus disponible|pourvu|no (?:existe|se (?:ha |pudo )?enc|encontr|disponible|está disp)|ya no|eliminad",
    r"caducad|expirad|finalizad|n[ãa]o (?:existe|encontr|foi|est[áa])|besetzt|vergeben|removid",
    r"non (?:esiste|(?:è )?(?:stat\w )?trovat|è più|più|disponibile|è disp)|rimoss|scadut",
    r"nie (?:istnieje|znalezion|została)|nieaktualn|wygas|usunięt|niet (?:gevonden|meer|bestaa|beschikbaar)",
    r"bestaat niet|verwijderd|verlopen|(?:hittades|finns|hitta) inte|borttagen",
    r"ikke (?:funnet|fundet|findes|finnes|længere|lenger)|utløpt|udløbet|ei löy|poistettu|nenalezen|neexistuje",
    r"smazán|не (?:найден|существ|актуальн|доступ|знайден)|удал[её]н|снят|архив|bulunamad|kaldırıl|yayından",
    r"mevcut değil|nem található|d[eé]s?activ|deaktiv|inactiv|inactief|disabled|neaktiv|δεν βρέθηκε",
    r"không (?:tìm|tồn|còn)|tidak (?:ditemukan|tersedia|ada)|no longer|off the market|never existed|let (?:agreed|out)|sold\b",
    r"не прода|закончил|распродан|no pud\w+ encontr|pas (?:pu )?trouv|disparu|ne correspond|nicht finden|non .{0,20}trovat|não consegu\w+ encontr|udało|verkauft|vendu|vendid|venduto|verkocht|sprzedan|prodán|såld|solgt|myyty|продан|satıldı|artık|eladva|nu (?:mai|există)",
    r"nem (?:létezik|elérhető)|törölt|δεν (?:υπάρχει|είναι διαθ)|već ne|ne postoji|не знайдено|більше не|більше нема|dihapus",
    r"(?:event|sale|deal|offer|auction) is over|sold on|n['’]est plus|nie jest już|niedostępn|nedostupn|indispon[ií]",
    r"kunne ikke|eksisterer ikke|ei (?:ole|enää)|inte (?:längre|kvar)|ikke (?:lengre|mere|tilgjeng)|już nie|už ne",
    r"vanish|disappear|renamed|mistyped|nothing (?:here|at)|verschwunden|verschoben|vergriffen|ausverkauft|nicht auffindbar",
    r"épuisé|déplacé|desaparec|agotad|descontinuad|movid|retirad|no (?:pudimos|hemos encontrado|hay ning)|scompars|spostat",
    r"terminat|conclus|esaurit|esgotad|encerrad|não conseguimos|verdwenen|verplaatst|uitverkocht|försvunn|flyttat",
    r"utgått|saknas|forsvund|forsvunn|flyttet|udsolgt|utsolgt|slettet|fjernet|kadon|siirret|päättyn|ei löyd|zniknę|przeniesion",
    r"zakończ|wyprzeda|zmizel|přesunut|ukončen|vyprod|odstraněn|исчез|перемещ|заверш[её]н|устарел|больше (?:нет|не )|зник|переміщ",
    r"видален|silin|taşın|sona erd|tüken|eltűnt|megszűn|áthelyez|lejárt|elfogyott|dispăr|șters|expirat|αφαιρέ|διαγράφ|έληξε",
    r"tidak lagi|kedaluwarsa|đã (?:bị )?x[oó]|hết hạn",
    unspaced="見つかりません|見つかりませんでした|削除され|終了し|存在しません|不存在|被?删除|被?刪除|找不到|已下架|찾을 수 없|삭제|종료된|존재하지|사라졌|만료|없는|なくなりました|移動|ありません|失效|过期|過期|已被|下架|غير موجود|محذوف|یافت نشد",
)

MISSING = Pair(_THING, _GONE)

_SIGNING_IN = _stems(
    r"(?:log|sign)(?:ged|ged |ning|ning )?[ \-]?in\b|signed[ \-]in|log[ \-]?on\b|authenticat|anmeld|angemeldet",
    r"einlog|eingeloggt|registrier|connect(?:er|ez|é)|identifi|inici(?:ar?|e) sesi|accedi|acceder|autentic|login",
    r"fa[çz]\w* login|inlog|aanmeld|logga in|inloggad|logg? (?:på|inn|ind)|zalog|přihl[aá]s|kirjaud|войти|войдите",
    r"авториз|вход|увійд|giriş yap|oturum aç|đăng nhập|συνδεθ",
    r"member(?:s|ship)?\b|registered|mitglied|registrad|registrat|zarejestr|zaregistr|bejelentkez|jelentkez|belép|autentific|conecta|prijav",
    r"sisene|pieslēg|prisijung|masuk|σύνδεση|вписва|влез|членов|medlem|jäsen|członk|člen|socios|soci\b|leden\b|üyeler",
    unspaced="ログイン|サインイン|登录|登錄|登入|로그인|تسجيل الدخول",
)
_BEFORE_ALL = _stems(
    r"must|need|have to|please|required|requires|to (?:continue|view|see|read|access|proceed|open)|only|private",
    r"restricted|first|before|müssen|musst|bitte|erforderlich|um .{1,40} zu|nur|zuerst|devez|veuillez",
    r"pour (?:continuer|voir|lire|acc)|nécessaire|réservé|debe|necesit|tienes|para (?:continuar|ver|leer|acc)",
    r"privad|devi|per (?:continuare|vedere|leggere|acc)|precis|é necess|moet|om .{1,40} te|måste|för att|du skal",
    r"for at|du må|musisz|aby|pro pokra|musíte|необходимо|чтобы|требуется|нужно|пожалуйста|gerek|lütfen|vui lòng",
    r"kell\b|kérj[üu]k|előbb|csak\b|trebuie|pentru a|doar\b|vă rug|täytyy|vaatii|jotta|vain\b|ensin|kræve[rs]|kreve[rs]|kun\b",
    r"krävs|endast|bara\b|πρέπει|για να|μόνο|παρακαλ|pouze|prosím|tylko|wymag|потрібно|щоб|лише|harus|untuk|silakan|hanya",
    r"để|cần|phải|chỉ|morate|samo\b|debes|sólo|solo\b|somente|apenas|alleen|réservée?s?|permission|permiso|visible|sadece",
    unspaced="してください|が必要|请|請|需要|后才|后可|后查看|後に|のみ|限定|해 주세요|후 이용|회원만|멤버만|전용|하세요|필요|يجب|يرجى",
)
_IN_PASSING = _stems(
    r"comment|conversation|discussion|repl(?:y|ies)|answer|vote",
    r"(?:to|can|and) (?:\w+ and )?(?:post|like|follow|save|add|rate|review|ask|download|bookmark|leave)\b",
    r"kommentieren|antworten|beantworten|bewert|responder|répondre|comentar|commenter|reageren|коммент|ответ|оцен",
    r"yorum",
    unspaced="コメント|评论|댓글|收藏",
)
LOGIN = Pair(_SIGNING_IN, _BEFORE_ALL, but=_IN_PASSING)

_PAYING = _stems(
    r"subscri|member|premium|zugriff auf alle|access to (?:all|every)|accès à tous|acceso a todos|plus\b|trial|\w{0,12}abonn|(?:probe|test|digital|jahres|pur-)?abo\b|suscr|assin|prenum|abbon|předplat|tilaa|подпис|abone",
    r"digital access|paid|reg[ií]st|create an? (?:free )?account|sign up|inscri|crea(?:r|te)? (?:una )?cuenta",
    r"cré\w+ un compte|konto|purchase|unlock|buy",
    r"upgrade|per issue|exklusiv|exclusi[vf]|betal|bezahl|payant|de pago|a pagamento|płatn|placen|fizetős|ödeme|köp\b|køb|kjøp|osta\b|tilaus|tilauks",
    r"előfiz|συνδρομ|передплат|berlangganan|pretplat|naročn|đăng ký|dig(?:i|itaal)\b",
    unspaced="会員|購入|購読|有料|订阅|会员|付费|訂閱|구독|유료|اشترك",
)
_READING_ON = _stems(
    r"continu\w+ (?:reading|to read)|keep reading|read (?:on|the (?:rest|full|whole)|more|this)|rest of",
    r"all(?:e)? (?:of our )?(?:articles|stories|artikel)|tous (?:les|nos) articles|tod[oa]s (?:los|as|os) art|tutti gli articoli",
    r"vollen? zugriff|full access|unlimited|unbegrenzt|illimit|ilimitad|full (?:article|story|text|post)|the entire|read .{0,20}in full",
    r"(?:this|the) (?:article|story|post|chapter|content|issue|report) is|remaining|weiterlesen|weiter lesen",
    r"ganzen|vollständig|kompletten|diese[nr]? (?:artikel|inhalt)|lire la suite|intégralité",
    r"(?:la |cet? )(?:suite|article)|reste|poursuivre|(?:seguir|sigue) leyendo|complet",
    r"este (?:contenido|artículo|conteúdo)|contin\w+ (?:a )?(?:le[gr]|lend|lett)|already|bereits|schon|déjà|già",
    r"redan|allerede|již|už|уже|zaten|ya (?:eres|tienes)|já (?:é|tem)|questo (?:articolo|contenuto)",
    r"lees (?:verder|dit|meer)|verder lezen|(?:den )?(?:här|denne|denna) artikel|läs(?:a)? (?:vidare|hela|den|mer)",
    r"les (?:videre|hele)|læs (?:videre|hele)|lue (?:koko|lisää)|czytaj dalej|cały|pełn|dalsz|celý|дальше|полност",
    r"полн(?:ая|ый|ую) (?:верс|текст)|дочита|этот материал|devamı|tamamını|jatka|vain\b|kun for|endast för|bare for|only for",
    r"nur für|(?:solo|sólo|só|somente|apenas) (?:para|per)|tylko dla|pouze pro|jen pro|только для|sadece|csak\b|doar pentru|μόνο",
    r"(?:tento )?článek|ez a cikk|folytat|ця стаття|эта статья|ten artykuł|denne saken|en sak\b|tämä (?:artikkeli|juttu)|articol|далі",
    r"tovább|dočíst|číst dál|pokračov|citește|διαβάσ|читати далі|baca selengkapnya|đọc tiếp",
    unspaced="すでに|ここから先|続きを|全文|残り|この記事|继续|余下|完整|계속|전체|기사",
)
PAYWALL = Pair(_PAYING, _READING_ON, but=_IN_PASSING)

_CONSENT = _stems(
    r"cookie|consent|privacy|partner|tracking|advertis|werbung|einwillig|publicit|pubblicit|publicidad|reklam",
    r"рекламы|years|age\b|old enough|1[68]\b|date of birth|geburtsdatum|date de naissance|fecha de nacimiento|data di nascita",
    unspaced="クッキー|広告|年齢|歳|隐私|성인|쿠키",
)
_AGREEING = _stems(
    r"accept|agree|allow|reject|confirm|continue|must be|enter\b|entering|affirm|are you|i am|choose|akzept|zustimm|ablehn|weiter|accett|rifiut",
    r"acept|rechaz|sind sie|bist du|êtes|avez|tienes|eres|hai\b|ben je|aceit|accepter|refus|godk|avvis|akcept",
    r"zgadz|ukończ|souhlas|přijm|соглас|принят|вам|kabul|masz",
    unspaced="同意|許可|以上|同意する|接受|동의",
)
CONSENT = Pair(_CONSENT, _AGREEING)

_SITE = _stems(
    r"site|website|page|domain|shop|store|web\b|webs\w+|seite|página|sitio|sito|pagina|boutique|tienda|loja|strona",
    r"stránk|sida|side|сайт|страниц|we\b|wir|nous|estamos",
    unspaced="サイト|ページ|网站|網站|사이트",
)
_UNFINISHED = _stems(
    r"construction|coming soon|launching|under development|being built|im aufbau|in bearbeitung|demnächst|bald",
    r"bientôt|en travaux|constru[cç]|em breve|próximamente|pronto|costruzione|in arrivo|w budowie|wkrótce",
    r"ve výstavbě|under (?:opbygning|uppbyggnad|oppbygging)|в разработке|скоро|yapım aşamasında|for sale|parked",
    r"expired|suspended",
    unspaced="準備中|建设中|建設中|工事中|준비 중|준비중",
)
PLACEHOLDER = Pair(_SITE, _UNFINISHED)

_OUT = _stems(
    r"no est[áa] disponible|n['’]est pas disponible|non è disponibile|nicht verfügbar|não est[áa] disp|недоступ",
    r"maintenance|unavailable|servers?\b|down\b|overload|out of order|something went|wartung|nicht erreichbar|überlastet",
    r"indisponible|mantenimiento|manutenç|manutenzione|onderhoud|underhåll|vedligehold|vedlikehold|konserwac",
    r"přerwa|údržb|technick|технич|обслужив|bakım|huolto|karbantart|teknisk|teknin|technis|technic|tecnic|techniq|wrong",
    r"fel\b|gick fel|gik galt|gikk galt|vikaan|schief|fehler|erreur|problème|error|errore|storto|salió mal|erro\b|fout",
    r"misgegaan|błąd|problem|chyb|pokazil|ошибк|помилк|неполадк|сбой|hata|sorun|hiba|eroare|σφάλμα|στραβά|lỗi|kesalahan",
    unspaced="アクセスが集中|混雑|メンテナンス|维护|維護|점검|エラー|障害|出错|故障|异常|錯誤|오류|장애|خطأ|صيانة",
)
_FOR_NOW = _stems(
    r"later|again|soon|back|moment|temporar|short|currently|try|später|gleich|derzeit|vorübergehend|kürze",
    r"few (?:minutes|moments|seconds)|another (?:go|try)|minut|dakika|perc\b|Minuten|plus tard|bientôt|actuellement|momentan|tarde|pronto|brev|presto|momento|straks|snart|senare|wkrótce|chwil",
    r"en estos momentos|en ce moment|im moment|neste momento|al momento|refresh|reload|instantes|voltamos|volvemos|revenons|torniamo|zurück|vissza|tilbage|tilbaka|tillbaka|později|позже|скоро|времен|sonra|igen\b|uudelleen|myöhemmin|hetken|opnieuw|erneut|nochmal|réessay|ripro|intenta|tente",
    r"spróbuj|ponown|zkuste|znovu|попробуй|пізніше|tekrar|deneyin|később|újra|încerca|ξανά|αργότερα|thử lại|coba|nanti|en stund",
    unspaced="現在|お待ち|しばらく|再度|もう一度|暂时|稍后|请|重试|잠시|다시|لاحق",
)
BROKEN = Pair(_OUT, _FOR_NOW)

ADDRESSED = _stems(
    r"(?:this|that|your?|we|sorry|unfortunately|oops|dies\w*|ihre?|wir|leider|cett?e?|votre|vous|nous|désolée?|est[ea]|su|tu|lo sentimos|quest[oa]|spiacenti)\b",
    r"(?:esse|essa|deze|dit|helaas|den här|denna|detta|tyvärr|denne|dette|beklager|ta|ten|niestety|tato|tento|bohužel|эт\w+|ваш\w*|bu|maalesef)\b",
    r"к сожалению",
    unspaced="この|その|お探し|ご|该|該|此|您|抱歉|이 |죄송",
)
"""Notices speak of *this* page, and to *you*; articles' headlines seldom do."""

_AMOUNT = (
    r"(?:[$€£¥￥₽₺]\s?\d|\d\s?(?:[$€£¥₽₺円元원]|(?:kr|zł|kč|tl|ft\b|huf|lei|грн|kroner?|eur|usd|euros?|chf|руб)\b))"
)
_TIME = (
    r"(?:month|week|year|mo\b|yr\b|/|mois|semaine|monat|woche|wöchentlich|weekly|monthly|mensu|mensile|hebdo|jahr|mes\b|mese|mês|año|maand|jaar|måned|månad|miesi|měs"
    r"|мес|міс|hav|lun[ăa]|год|ay\b|月|월|年)"
)
PRICE = re.compile(rf"{_AMOUNT}.{{0,40}}?{_TIME}|{_TIME}.{{0,20}}?{_AMOUNT}", re.IGNORECASE)
"""What a subscription costs in a time."""

REMAINING = re.compile(
    r"\d ?%.{0,30}?(?:left|read|remain|rest|text|article|à lire|à découvrir|lesen|noch|текст|stat|queda|falta|leer|ler|tekst|artyk|textu|szöveg)"
    r"|(?:read|left|прочи|pozosta|zbývá|ještě|noch|reste|残り|已读|剩余).{0,20}?\d ?%|^\W*[\d,.]+ ?(?:字|文字|자)(?:\W|$)",
    re.IGNORECASE,
)
"""How much of an article is behind a wall."""

_HUMAN = _stems(
    r"human|robot|bots?\b|browser|captcha|connection|identity|slider|puzzle|mensch|identität|identité|identidad|identità|menneskelig|przegląd|prohlížeč|böngész|webbläs|nettleser|selain|roboter|humain|humano|umano|navegador|navigateur",
    r"menselijk|människa|menneske|człowiek|člověk|человек|робот|браузер|insan|tarayıcı",
    unspaced="자동입력|비정상|验证码|滑块|驗證碼|人間|ロボット|ブラウザ|真人|机器人|浏览器|사람|로봇|브라우저",
)
_CHECKING = _stems(
    r"verif|confirm|prov(?:e|ing)|check|slide\b|drag\b|a bot\b|weryfik|verifik|verific|перевір|ellenőriz|tarkist|validat|make sure|making sure|ensur|secur|solve|complete|über?prüf",
    r"bestätig|sicher|vérifi|assur|comprob|asegur|demuestr|controll|conferm|bevestig|kontroll|bekräft|potwierd",
    r"sprawdz|ověř|potvrď|провер|подтверд|doğrula|kontrol",
    unspaced="입력|감지|確認|検証|验证|확인|驗證|拖动|滑动|完成",
)
CHALLENGE = Pair(_HUMAN, _CHECKING)

_WAY_IN = _stems(
    r"access|request|service|location|your ip|ip.?adres|connection|traffic|visit|region|country|zugriff|zugang",
    r"anfrage|accès|requête|acceso|solicitud|accesso|richiesta|acesso|toegang|åtkomst|adgang|tilgang|dostęp",
    r"přístup|dienst|land\b|país|pays|paese|доступ|запрос|erişim|isteğiniz|activit|actividad|aktivit|atividade|attività|aktywno",
    r"where you are|visitors|anschluss|conexión|connexion|verbind|активн|hozzáfér|acces(?:ul)?\b|πρόσβαση|truy cập|akses|quyền",
    unspaced="アクセス|访问|請求|请求|접근|접속|地域",
)
_DENIED = _stems(
    r"den(?:y|ied)|not (?:yet )?(?:available|offered)|too many|zu viele|trop de|demasiad|muitas|troppe",
    r"nicht verfügbar|no (?:está )?disponible|non (?:è )?disponib|não (?:está )?disp|слишком много|недоступ|block",
    r"forbid|reject|refus|restrict|banned|not (?:permitted|allowed|authori)|limited|suspicious|unusual|verweiger",
    r"gesperrt|blockiert|abgelehnt|nicht (?:gestattet|erlaubt)|refusé|interdit|bloqu|denegad|restring|negat",
    r"bloccat|negado|geweiger|geblok|nekad|blocker|nægtet|nektet|odmow|zablok|odepř|запрещ|огранич|заблок|engellen",
    r"currently unavailable|can['’]?t (?:play|show|offer|serve|provide)|verwehrt|eingeschränkt|auffällig|limité|limitad|begrenzt",
    r"reddedil|yasak|inusual|inhabituel|ungewöhnlich|verdächtig|suspect|sospech|sospett|suspeit|insolit|invulgar|nietypow|podejrzan",
    r"ongewoon|verdacht|ovanlig|misstänk|usædvanlig|mistænk|uvanlig|mistenk|epätavallis|estetty|neobvykl|podezřel|необычн",
    r"подозрит|підозріл|olağandışı|şüpheli|szokatlan|gyanús|neobișnuit|tiltva|interzis|restricționat|từ chối|ditolak|diblokir",
    unspaced="異常|异常|拒否|ブロック|制限|禁止|過多|过多|多すぎ|拒绝|阻止|限制|차단|거부|ご利用いただけません",
)
BLOCKED = Pair(_WAY_IN, _DENIED)
