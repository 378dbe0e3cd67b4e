"""Words for the names of experiments: an adjective of five letters and a noun of four, 344 times 437 names."""
from collections.abc import Callable

_ADJECTIVES = """
agile alert amber ample azure balmy basic beefy bland blank bleak blond blunt bonny bossy brash brave brief brisk
broad brown bulky bumpy burly bushy cagey candy cheap chewy chief civic civil clean clear close cloud coral corny
crazy crisp cubic curly curvy cushy daily dandy decaf dense dinky dizzy dopey downy dozen draft dream dried dusky
dusty eager early edged eight elfin elite empty epoch equal exact extra faint fancy fatty fiery fifth final first
fixed fizzy flaky flash fleet fluid foggy forty found frank fresh front frost fully funky funny furry fuzzy giant
giddy glass godly going grand grape green gruff gusty hairy handy happy hardy hasty hazel heady heavy hefty hilly
holey honey huffy human humid husky inner ionic irate itchy ivory jaded jazzy jiffy jolly juicy jumbo jumpy kempt
khaki known lacey lanky large lefty legal level light liked lilac lined linen lithe lived livid local lofty loved
lower loyal lucid lucky lunar major mango maple meaty merry messy milky minor minty misty mixed mocha moody moral
mossy muddy mural music muted naive nasal natty naval nerdy nifty ninth noble noisy noted novel nutty oaken oiled
olive other outer ovoid paced pagan paper pasty peaky pearl perky petty pinky plaid plain plump plush polar polka
prime prize prone proud proxy pudgy puffy pulpy quick quiet rainy rangy rapid ready regal rigid ripen risky rival
roast rocky roomy rough round rowdy royal ruddy rural rusty sable salty sandy sappy sassy satin sauce savvy scaly
scant seven shaky sharp sheer shiny short showy shyer silky silly sleek slick small smart smoky snowy sober solar
solid sonic south spare spicy spiky split stark steel steep stern stiff stony stout suede sugar sunny super swank
sweet swift tacky tamed tangy tardy tasty tawny tenth tepid terse third tidal tight timid tipsy toned topaz total
tough tried trite tubby tulip twice ultra umber unfit upper urban usual utter vague valid vapid velar vexed vinyl
viral vital vivid vocal wacky wanly waxen weary weird windy wired wised witty woody wooly wordy worth young yummy
zesty zippy
"""
_NOUNS = """
acre aloe arch army atom aunt aura auto axis axle bale ball band bank barn bass bath bead beam bean bear beet bell
belt bend bike bill bird boat bolt bone book boot bowl bulb bull bunk buoy cafe cake calf camp cane cape card carp
cart case cave cell chef chip city clam claw clay club coal coat coda code coil coin colt comb cone cook cord cork
corn cove crab crew crop crow cube cuff curl cusp dale dart dawn deck deer desk dial dice dill dime disc dish dock
dome door dove duck duel dune echo edge envy epic face fair fang farm fawn fern fife film fish fist flag flax flea
flow foal foam fold folk font foot fork fort frog fuel fuse gala gale gate gaze gear germ gift gill glen glow glue
goal goat gold golf gong goof gown gram grid grin gulf gull gust hail halo hare harp hawk haze heap helm herb herd
hero hike hill hive hoax home hood hoof hook hoop horn host hour hull hymn icon inch iris iron isle item jade jazz
jean jeep jest jive jury kale keel kelp kiln king kite kiwi knee knot lace lake lamb lamp lane lark lava lawn leaf
leek lens lily lime line link lion lira list loaf lobe loch lock loft logo loom loon loop lute lynx mace maid mail
mane mare mask mast maze meal memo menu mesh mile milk mill mime mint mist mite moat mode mole monk moon moor moss
moth mule muse myth nail nave neck nest newt node noon nose note oath oats oboe opal oven oxen pace page pail palm
park pass path pawn peak pear peat perk pier pine pint pipe plan plot plow plum poem poet pole polo pond pony pool
port post prow puma pump quad quay quiz raft rail rain ramp rays reed reef rice ride ring road robe rock role roof
rook room root rope rose ruby ruin rung sage sail salt sand sash seal seam seat seed shed ship shoe shop sign silk
silo sink site skis slab sled slot snow soap sock sofa soil sole song soup spar spin spot star stem step stew surf
swan tail tale tank tape taro taxi teal team tent term tern text tide tile toad toga tone tool tour town tram tray
tree trek trio trip trot tuba tube tuna tune turf twig unit vale vase vent verb vest vine viol visa vole volt wall
wand wasp wave weed well whey wick wing wire wolf wood wool word wren yard yarn yawn yoke yolk zest zinc zone zoom
"""


def pick(random: Callable[[int], bytes]) -> str:
    """A name; `random(n)` gives n random bytes.

    >>> pick(bytes)
    'agile-acre'
    """
    adjectives, nouns = _ADJECTIVES.split(), _NOUNS.split()
    number = int.from_bytes(random(8), "big")
    return f"{adjectives[number % len(adjectives)]}-{nouns[number // len(adjectives) % len(nouns)]}"
