"""People and figures whom everybody knows: to name them says nothing about anybody's private life."""

from __future__ import annotations

from typing import Final

from plugins.wordlists import either

FAMOUS_NAMES: Final = frozenset(
    either(
        # statesmen and rulers
        "barack obama|michelle obama|donald trump|joe biden|kamala harris|hillary clinton|bill clinton|george bush"
        "|george washington|abraham lincoln|thomas jefferson|john adams|alexander hamilton|benjamin franklin"
        "|theodore roosevelt|franklin roosevelt|john kennedy|ronald reagan|richard nixon|jimmy carter|winston churchill"
        "|margaret thatcher|tony blair|boris johnson|rishi sunak|keir starmer|theresa may|angela merkel|olaf scholz"
        "|friedrich merz|helmut kohl|willy brandt|konrad adenauer|otto bismarck|emmanuel macron|charles de gaulle"
        "|françois mitterrand|nicolas sarkozy|napoleon bonaparte|napoléon bonaparte|pedro sánchez|francisco franco"
        "|vladimir putin|volodymyr zelensky|joseph stalin|josef stalin|adolf hitler|benito mussolini|mao zedong"
        "|karl marx|friedrich engels|rosa luxemburg|nelson mandela|mahatma gandhi|martin luther|martin luther king"
        "|rosa parks|malcolm x|fidel castro|che guevara|simón bolívar|julius caesar|jeanne d'arc|joan of arc"
        "|maria theresia|queen elizabeth|king charles|king arthur|catherine the great|sophie scholl|anne frank"
        "|anna frank|justin trudeau|narendra modi|indira gandhi|golda meir|eva perón|evita perón"
        # science and thought
        "|albert einstein|isaac newton|charles darwin|marie curie|pierre curie|ada lovelace|alan turing|grace hopper"
        "|nikola tesla|thomas edison|stephen hawking|richard feynman|niels bohr|max planck|werner heisenberg"
        "|erwin schrödinger|robert oppenheimer|galileo galilei|leonardo da vinci|leonardo fibonacci|carl gauss"
        "|leonhard euler|blaise pascal|rené descartes|immanuel kant|friedrich nietzsche|georg hegel|arthur schopenhauer"
        "|sigmund freud|carl jung|jean piaget|noam chomsky|hannah arendt|simone de beauvoir|michel foucault|john locke"
        "|john stuart mill|adam smith|david hume|thomas hobbes|john rawls|john nash|john von neumann|karl popper"
        "|ludwig wittgenstein|bertrand russell|gregor mendel|louis pasteur|alexander fleming|rosalind franklin"
        "|francis crick|james watson|carl sagan|neil armstrong|buzz aldrin|yuri gagarin|christopher columbus"
        "|marco polo|james cook|ferdinand magellan|linus torvalds|tim berners-lee|donald knuth|dennis ritchie"
        "|guido van rossum|geoffrey hinton|milton friedman|john maynard keynes|daniel kahneman|jane goodall"
        # letters
        "|william shakespeare|jane austen|charles dickens|emily dickinson|edgar allan poe|mark twain|oscar wilde"
        "|virginia woolf|james joyce|george orwell|aldous huxley|ernest hemingway|emily brontë|charlotte brontë"
        "|mary shelley|lewis carroll|agatha christie|stephen king|toni morrison|maya angelou|robert frost"
        "|walt whitman|sylvia plath|john keats|john milton|william wordsworth|william blake|lord byron|roald dahl"
        "|johann wolfgang von goethe|friedrich schiller|thomas mann|heinrich mann|heinrich heine|hermann hesse"
        "|franz kafka|bertolt brecht|günter grass|max frisch|rainer maria rilke|stefan zweig|stefan george"
        "|erich kästner|michael ende|victor hugo|émile zola|gustave flaubert|marcel proust|albert camus"
        "|jean-paul sartre|honoré de balzac|jules verne|alexandre dumas|charles baudelaire|arthur rimbaud"
        "|jean racine|miguel de cervantes|pablo neruda|gabriela mistral|gabriel garcía márquez|jorge luis borges"
        "|federico garcía lorca|isabel allende|octavio paz|dante alighieri|umberto eco|fernando pessoa|anne carson"
        "|leo tolstoy|fyodor dostoevsky|anton chekhov|homer simpson|astrid lindgren|hans christian andersen"
        # art, music, film, sport, business
        "|pablo picasso|salvador dalí|salvador dali|frida kahlo|diego rivera|francisco goya|claude monet|paul cézanne"
        "|edgar degas|henri matisse|vincent van gogh|gustav klimt|egon schiele|albrecht dürer|caspar david friedrich"
        "|andy warhol|jackson pollock|frank lloyd wright|le corbusier|coco chanel|hugo boss|tom ford|ralph lauren"
        "|calvin klein|tommy hilfiger|wolfgang amadeus mozart|ludwig van beethoven|johann sebastian bach"
        "|franz schubert|johannes brahms|richard wagner|clara schumann|giuseppe verdi|frédéric chopin|edith piaf"
        "|édith piaf|jacques brel|john lennon|paul mccartney|elvis presley|michael jackson|freddie mercury"
        "|david bowie|bob dylan|bob marley|taylor swift|billie eilish|ed sheeran|justin bieber|lady gaga|katy perry"
        "|ariana grande|kanye west|dolly parton|johnny cash|frank sinatra|nina simone|charlie chaplin|marilyn monroe"
        "|audrey hepburn|alfred hitchcock|steven spielberg|quentin tarantino|christopher nolan|george lucas"
        "|stanley kubrick|martin scorsese|wim wenders|werner herzog|tom hanks|brad pitt|leonardo dicaprio"
        "|meryl streep|julia roberts|emma watson|morgan freeman|will smith|tom cruise|scarlett johansson|keanu reeves"
        "|oprah winfrey|walt disney|mickey mouse|michael jordan|lebron james|kobe bryant|serena williams"
        "|roger federer|rafael nadal|novak djokovic|lionel messi|cristiano ronaldo|diego maradona|usain bolt"
        "|muhammad ali|tiger woods|lewis hamilton|michael schumacher|max verstappen|simone biles|tom brady"
        "|warren buffett|bill gates|steve jobs|elon musk|jeff bezos|mark zuckerberg|tim cook|sam altman|satya nadella"
        "|sundar pichai|henry ford|andrew carnegie|charles schwab|morgan stanley|jack daniels|johnnie walker"
        "|jim beam|ben jerry|max mara|estée lauder|dolce gabbana|helena rubinstein|johnson johnson|philip morris"
        "|procter gamble|rolls royce"
        "|alfa romeo|mercedes benz|harley davidson|greta thunberg|malala yousafzai|florence nightingale"
        "|mother teresa|mary magdalene|jesus christ|pope francis|amelia earhart|helen keller|robin hood"
        # figures of books, films and examples
        "|harry potter|hermione granger|ron weasley|sherlock holmes|james bond|john doe|jane doe|max mustermann"
        "|erika mustermann|jean dupont|juan pérez|pepito pérez|romeo montague|juliet capulet|tom sawyer"
        "|huckleberry finn|oliver twist|david copperfield|jane eyre|emma bovary|anna karenina|elizabeth bennet"
        "|dorian gray|jean valjean|madame bovary|sancho panza|don quijote|don quixote|don juan|peter pan|mary poppins"
        "|bruce wayne|clark kent|peter parker|tony stark|luke skywalker|darth vader|indiana jones|forrest gump"
        "|walter white|bugs bunny|donald duck|santa claus|monty python|monty hall|tom riddle|frodo baggins"
        "|bob dylan|alice springs|alice bob|jack rose|tom jerry|marie antoinette|maria montessori|virginia beach"
    )
)  # fmt: skip
