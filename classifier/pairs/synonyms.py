"""Words that questions exchange without changing the answer, beyond what WordNet's senses say.

One group a line, written by hand. A word may stand in several groups.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

# Opposites: a word left of the bar against a word right of it.
_OPPOSITES: Final = """
easy simple | hard difficult tough challenging
cheap inexpensive | expensive costly dear
import | export
upload | download
encrypt | decrypt
login | logout
checkin | checkout
indoors indoor | outdoors outdoor
online | offline
deposit | withdraw withdrawal
arrive arrival come | depart departure leave go
borrow | lend loan
lock | unlock
include | exclude
hire employ recruit | fire dismiss
win | lose
earn save | spend
enable activate | disable deactivate block
install add create build make | uninstall remove delete destroy
freeze | thaw unfreeze
attack | defend
send give | receive take get
push | pull
teach | learn study
ask | answer
credit | debit
add | subtract remove
multiply | divide
allow permit | forbid prohibit ban
accept approve | reject decline refuse
remember | forget
break | fix repair
keep save | delete discard
open | close shut
start begin | stop end finish
increase raise gain grow | decrease reduce lower lose drop
buy purchase | sell
cool cold freeze | warm hot heat
wet | dry
male man boy husband father son brother uncle king | female woman girl wife mother daughter sister aunt queen
top best | bottom worst
top upper | bottom lower
left | right
front | back
public | private
domestic national | international foreign abroad
maximum highest most | minimum lowest least
benefit advantage pro | drawback disadvantage con risk danger
cause reason | effect consequence result
cause reason | symptom cure treatment
prevent avoid | cause treat cure
love like | hate dislike
renew extend | cancel terminate
freelance | permanent
temporary temporarily | permanent permanently
manual manually | automatic automatically
parent | child
employer | employee
landlord | tenant
buyer customer | seller vendor
doctor | patient
student | teacher
import | export
positive | negative
even | odd
urban | rural
north | south
east | west
inhale | exhale
vertical | horizontal
wholesale | retail
sunrise | sunset
"""

_GROUPS: Final = """
get obtain receive acquire
buy purchase
fix solve resolve repair troubleshoot
learn study master
improve enhance increase boost better
begin start commence initiate launch
stop quit cease halt
big large huge
small little tiny
rapid fast quick quickly rapidly swiftly
easy simple
hard difficult tough challenging
best top greatest ideal
best good great
good great excellent decent
bad poor terrible awful
cost price charge fee expense
cheap inexpensive affordable
job employment work career
salary pay wage earnings income
show display
see view check
create make build develop
delete remove erase uninstall
cancel terminate
change modify alter edit update switch
choose select pick
locate find
look search
connect link attach
permit allow let
need require
use utilize utilise employ
assist help aid
phone smartphone telephone handset
car vehicle automobile
movie film
picture image photo
house home
city town
country nation
doctor physician
lawyer attorney
kid child
guy man
woman lady
student pupil
teacher instructor professor faculty educator
class course
company firm business corporation
shop store
earn make
money cash
fix mend
enough sufficient
happen occur
send transfer
wire transfer
reach arrive come
arrive delivered deliver
big major significant
important crucial essential vital key significant
main primary principal major chief
method way approach technique procedure process
reason cause
result outcome consequence effect
effect impact influence
benefit advantage pro
disadvantage drawback con downside
difference distinction
difference differ different
similar alike
meaning definition define mean
famous popular known
weight fat
lose reduce shed
reduce decrease lower cut
hire recruit employ
quick short brief
trip journey travel tour
visit go travel
travel go
live reside stay
die pass death
kill murder
sick ill unwell
disease illness sickness
drug medicine medication
pain ache hurt
treat cure heal
cure treatment remedy
allowed permitted legal
forbidden prohibited banned illegal
possible feasible
website site webpage
internet online web
laptop notebook
program software application
application app
password passcode
error problem issue fault trouble bug
broken damaged faulty
lost misplaced missing
stolen robbed
reset recover restore
forget forgot lose
register signup enroll enrol
subscribe signup
sign log
login signin
account profile
refund reimbursement
verify confirm validate authenticate
decline reject refuse deny
charge bill debit
declined rejected refused denied
pending processing
balance funds
quickest fastest
book reserve
ticket booking reservation
cook prepare
food meal dish
recipe make
exercise workout
speak talk
tell inform
say state
ask enquire inquire
answer reply respond response
believe think
think opinion view
feel experience
want wish desire
like enjoy love
hate dislike
guess predict
explain describe
tip advice suggestion
suggest recommend advise
purpose use
function work
operate work run
made manufactured produced
made consist composed
author writer
write compose
read peruse
total sum
number count
amount quantity
length long
height tall high
depth deep
width wide
weight heavy
age old
speed fast
distance far
frequent common often
rare uncommon
currently presently now
usually typically normally generally
approximately about roughly around
entire whole complete full
finish complete end
close shut
near nearby close
location place spot site
beginner novice newbie
expert professional
job position role
prepare ready
test exam examination quiz
score mark grade
pass clear crack
university college
major field subject
offer provide give supply
include contain involve
gather collect
keep maintain
grow raise
rise increase
raise increase
fall drop decrease
set configure setup
install setup
activate enable
disable deactivate
block freeze
unblock unfreeze
download get
upload post
copy duplicate
video clip
song music track
watch view
return give
replace substitute
extra additional more
free gratis
safe secure
danger risk hazard
dangerous risky hazardous harmful
healthy wholesome
clean wash
dirty filthy
smart intelligent clever
stupid dumb
rich wealthy
happy glad
sad unhappy depressed
angry mad
scared afraid frightened
beautiful pretty attractive
strange weird odd
true real genuine
fake counterfeit
correct right
wrong incorrect
overcome conquer
handle deal cope manage
earn gain
trustworthy reliable
invent discover
discover find
quit resign
sack dismiss
convert change transform turn
exchange convert swap
calculate compute determine
useful helpful
motivate inspire
focus concentrate
remember recall memorize
dog puppy
cat kitten
buy get
order buy
track trace follow
ship deliver send mail post
parcel package
mail email
bus coach
flight plane
luggage baggage
hotel accommodation
vacation holiday
restaurant diner
bathroom restroom toilet
apartment flat
rent lease
elevator lift
gas petrol
truck lorry
soccer football
america us american
britain uk british
earth world
spin rotate turn
class course lesson lecture
student pupil
exam test
semester term
meet fulfill fulfil satisfy
offer provide
available offered free open
difference differ distinguish distinction
cure rid remove
exist there
grow cultivate
couch sofa
faucet tap
store shop
wage salary
vanish disappear
collapse fall
conquer overcome beat
colleague coworker
customer client
leave depart
worker employee
boss manager head
center centre downtown
kilometer kilometre km
motorbike motorcycle
bike bicycle cycle
symptom sign
signup register
harm damage hurt
smart intelligent
aircraft airplane plane aeroplane
colour color
prevent avoid
procrastinate procrastination
confidence confident
self own
frequency often frequently
height tall high
distance far
age old
weight heavy
price much cost expensive
author write writer
inventor invent
leader lead
population people
fall autumn
"""


def _index(text: str) -> dict[str, tuple[int, ...]]:
    found: dict[str, list[int]] = defaultdict(list)
    for number, line in enumerate(text.strip().splitlines()):
        for word in line.split():
            found[word].append(number)
    return {word: tuple(groups) for word, groups in found.items()}


INTERCHANGEABLE: Final = _index(_GROUPS)


def _opposites(text: str) -> frozenset[tuple[str, str]]:
    pairs: set[tuple[str, str]] = set()
    for line in text.strip().splitlines():
        left, right = (side.split() for side in line.split("|"))
        pairs.update((one, other) for one in left for other in right)
    return frozenset(pairs | {(other, one) for one, other in pairs})


OPPOSITES: Final = _opposites(_OPPOSITES)


def are_opposites(lemmas: frozenset[str], others: frozenset[str]) -> bool:
    """Whether some base form of one word stands against one of the other."""
    return any((one, other) in OPPOSITES for one in lemmas for other in others)
