#!/usr/bin/env python3
# Writes languages.tsv and languages_test.tsv: lines in six languages, each put together from parts. Those behind "//"
# are for the test alone: no noun, verb, place or time of a test line stands in a training line.
# Usage: make_languages.py [folder]
import random
import sys
from pathlib import Path

PARTS = {
    "Dutch": dict(
        subjects="de leraar|mijn zus|het kind|de oude bakker|onze buurman|de dokter|een schrijver|de koningin|de boer|"
        "hun grootmoeder|een student|de vrouw naast ons//de visser|jouw broer|een reiziger|de burgemeester|de tandarts",
        verbs="zag|kocht|schilderde|vond|beschreef|vergat|wilde|verkocht|prees|verloor//ontving|repareerde|verstopte|"
        "toonde",
        objects="het huis|de blauwe jas|een brief|het oude boek|de sleutel|een kleine tafel|het brood|de nieuwe fiets|"
        "drie appels|zijn horloge|de kaart|een kopje thee//het zwarte schip|de gitaar|een spiegel|twee stoelen|de lamp",
        places="in de tuin|bij de rivier|op het station|achter de kerk|in een winkel|aan zee|op school|voor het raam//"
        "onder de brug|op de markt|in het bos",
        times="gisteren|vorige week|in de zomer|op maandag|elke ochtend|na het eten//vanavond|in januari|lang geleden",
        shapes=["{t} {v} {s} {o}", "waar is {s}?", "ik denk dat {s} {o} {p} {v}"]),
    "English": dict(
        subjects="the teacher|my sister|the child|the old baker|our neighbour|the doctor|a writer|the queen|the farmer|"
        "their grandmother|a student|the woman next door//the fisherman|your brother|a traveller|the mayor|the dentist",
        verbs="saw|bought|painted|found|described|forgot|wanted|sold|praised|lost//received|repaired|hid|showed",
        objects="the house|the blue coat|a letter|the old book|the key|a small table|the bread|the new bicycle|"
        "three apples|his watch|the map|a cup of tea//the black ship|the guitar|a mirror|two chairs|the lamp",
        places="in the garden|by the river|at the station|behind the church|in a shop|by the sea|at school|"
        "at the window//under the bridge|at the market|in the forest",
        times="yesterday|last week|in the summer|on Monday|every morning|after dinner//tonight|in January|long ago",
        shapes=["{t} {s} {v} {o}", "where is {s}?", "I think that {s} {v} {o} {p}"]),
    "French": dict(
        subjects="le professeur|ma sœur|l'enfant|le vieux boulanger|notre voisin|le médecin|un écrivain|la reine|"
        "le paysan|leur grand-mère|une étudiante|la femme d'à côté//le pêcheur|ton frère|un voyageur|"
        "le maire|le dentiste",
        verbs="a vu|a acheté|a peint|a trouvé|a décrit|a oublié|voulait|a vendu|a loué|a perdu//a reçu|a réparé|a caché|"
        "a montré",
        objects="la maison|le manteau bleu|une lettre|le vieux livre|la clé|une petite table|le pain|le nouveau vélo|"
        "trois pommes|sa montre|la carte|une tasse de thé//le bateau noir|la guitare|un miroir|deux chaises|la lampe",
        places="dans le jardin|près de la rivière|à la gare|derrière l'église|dans un magasin|au bord de la mer|"
        "à l'école|devant la fenêtre//sous le pont|au marché|dans la forêt",
        times="hier|la semaine dernière|en été|lundi|chaque matin|après le repas//ce soir|en janvier|il y a longtemps",
        shapes=["{t}, {s} {v} {o}", "où est {s} ?", "je crois que {s} {v} {o} {p}"]),
    "German": dict(
        subjects="der Lehrer|meine Schwester|das Kind|der alte Bäcker|unser Nachbar|die Ärztin|ein Schriftsteller|"
        "die Königin|der Bauer|ihre Großmutter|ein Student|die Frau von nebenan//der Fischer|dein Bruder|ein Reisender|"
        "die Bürgermeisterin|der Zahnarzt",
        verbs="sah|kaufte|malte|fand|beschrieb|vergaß|wollte|verkaufte|lobte|verlor//erhielt|reparierte|versteckte|"
        "zeigte",
        objects="das Haus|den blauen Mantel|einen Brief|das alte Buch|den Schlüssel|einen kleinen Tisch|das Brot|"
        "das neue Fahrrad|drei Äpfel|seine Uhr|die Karte|eine Tasse Tee//das schwarze Schiff|die Gitarre|einen Spiegel|"
        "zwei Stühle|die Lampe",
        places="im Garten|am Fluss|am Bahnhof|hinter der Kirche|in einem Laden|am Meer|in der Schule|vor dem Fenster//"
        "unter der Brücke|auf dem Markt|im Wald",
        times="gestern|letzte Woche|im Sommer|am Montag|jeden Morgen|nach dem Essen//heute Abend|im Januar|"
        "vor langer Zeit",
        shapes=["{t} {v} {s} {o}", "wo ist {s}?", "ich glaube, dass {s} {o} {p} {v}"]),
    "Italian": dict(
        subjects="il professore|mia sorella|il bambino|il vecchio fornaio|il nostro vicino|la dottoressa|uno scrittore|"
        "la regina|il contadino|la loro nonna|uno studente|la signora accanto//il pescatore|tuo fratello|"
        "un viaggiatore|il sindaco|il dentista",
        verbs="ha visto|ha comprato|ha dipinto|ha trovato|ha descritto|ha dimenticato|voleva|ha venduto|ha lodato|"
        "ha perso//ha ricevuto|ha riparato|ha nascosto|ha mostrato",
        objects="la casa|il cappotto blu|una lettera|il vecchio libro|la chiave|un piccolo tavolo|il pane|"
        "la bicicletta nuova|tre mele|il suo orologio|la mappa|una tazza di tè//la nave nera|la chitarra|uno specchio|"
        "due sedie|la lampada",
        places="nel giardino|vicino al fiume|alla stazione|dietro la chiesa|in un negozio|al mare|a scuola|"
        "davanti alla finestra//sotto il ponte|al mercato|nel bosco",
        times="ieri|la settimana scorsa|in estate|lunedì|ogni mattina|dopo cena//stasera|a gennaio|molto tempo fa",
        shapes=["{t} {s} {v} {o}", "dov'è {s}?", "so che {s} {v} {o} {p}"]),
    "Spanish": dict(
        subjects="el profesor|mi hermana|el niño|el viejo panadero|nuestro vecino|la doctora|un escritor|la reina|"
        "el campesino|su abuela|un estudiante|la mujer de al lado//el pescador|tu hermano|un viajero|el alcalde|"
        "el dentista",
        verbs="vio|compró|pintó|encontró|describió|olvidó|quería|vendió|elogió|perdió//recibió|reparó|escondió|mostró",
        objects="la casa|el abrigo azul|una carta|el libro viejo|la llave|una mesa pequeña|el pan|la bicicleta nueva|"
        "tres manzanas|su reloj|el mapa|una taza de té//el barco negro|la guitarra|un espejo|dos sillas|la lámpara",
        places="en el jardín|junto al río|en la estación|detrás de la iglesia|en una tienda|a orillas del mar|"
        "en la escuela|delante de la ventana//debajo del puente|en el mercado|en el bosque",
        times="ayer|la semana pasada|en verano|el lunes|cada mañana|después de cenar//esta noche|en enero|"
        "hace mucho tiempo",
        shapes=["{t} {s} {v} {o}", "¿dónde está {s}?", "creo que {s} {v} {o} {p}"]),
}
SHAPES = ["{s} {v} {o} {p}", "{s} {v} {o}", "{o} {p}"]


def lines(language, tested, count, rng):
    parts = {name[0]: text.split("//")[tested].split("|") for name, text in language.items() if name != "shapes"}
    out = set()
    while len(out) < count:
        shape = rng.choice(SHAPES + language["shapes"])
        line = shape.format(**{name: rng.choice(choices) for name, choices in parts.items()})
        if rng.random() < 0.7:  # as a sentence: a capital first, and a point
            first = line[0] == "¿"
            line = line[:first] + line[first].upper() + line[first + 1:] + ("" if line[-1] == "?" else ".")
        out.add(line)
    return sorted(out)


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent)
    rng = random.Random(1)
    for name, tested, count in ("languages.tsv", 0, 160), ("languages_test.tsv", 1, 40):
        rows = [f"{language}\t{line}\n" for language in PARTS for line in lines(PARTS[language], tested, count, rng)]
        (folder / name).write_text("label\ttext\n" + "".join(rows), encoding="utf-8")


main()
