"""Given names that are common in six countries, written by hand for the examples."""

from typing import Final

NAMES: Final = {
    "Finland": """
        Aada Aarni Aatu Aino Aleksi Anneli Antti Anu Arttu Arto Arvo Eero Eeva Eila Eino Elina
        Ellen Emmi Ensio Erkki Esa Hanna Hannele Hannu Harri Heikki Helena Heli Helmi Henri
        Hilla Iida Iiro Ilkka Ilmari Ilona Inkeri Irja Jaakko Jari Jarmo Jenni Joonas Jorma
        Jouni Juha Juhani Jukka Jussi Kaarina Kaarlo Kai Kaisa Kalevi Kalle Kari Katariina Kauko
        Kerttu Kimmo Kirsi Kyllikki Lasse Lauri Leena Lempi Liisa Lotta Maarit Maija Mari
        Marjatta Marko Martti Matti Mauri Merja Mika Mikko Mirja Minna Niilo Niina Oiva Olavi
        Olli Onni Osmo Outi Paavo Paula Pekka Pentti Pertti Petteri Pirjo Pirkko Päivi Raija
        Raimo Reijo Riikka Riitta Risto Ritva Saara Sakari Sami Sanna Sari Satu Seija Seppo Sini
        Sirkka Sirpa Sointu Suvi Taina Taisto Tapani Tapio Tarja Tarmo Teemu Tellervo Terhi Tero
        Terttu Timo Toivo Tuija Tuomas Tuula Tyyne Ulla Unto Urho Vappu Veikko Vesa Viljami
        Ville Virpi Väinö Yrjö""",
    "France": """
        Adélaïde Adrien Agathe Alain Albertine Alix Amandine Amélie Anaïs André Angélique
        Antoine Apolline Armelle Arnaud Arthur Aude Aurélie Aurélien Baptiste Bastien Bénédicte
        Benoît Bernard Bertrand Blanche Brigitte Camille Capucine Cécile Céline Charlotte
        Chantal Christelle Claire Clémence Clément Clotilde Colette Corentin Coralie Cyril
        Damien Danielle Delphine Denis Didier Dominique Edith Édouard Éloïse Émile Émilie
        Emmanuel Estelle Étienne Eugénie Fabien Fabrice Fernand Florence Florian François
        Françoise Frédéric Gabrielle Gaëlle Gaston Geneviève Geoffroy Georges Gérard Gilles
        Ginette Grégoire Guillaume Guy Hélène Henri Hervé Honoré Hubert Hugo Inès Isabelle
        Jacqueline Jacques Jean Jeanne Jérôme Joëlle Josette Julien Juliette Laetitia Laurence
        Laurent Léa Léonie Lionel Loïc Louis Louise Luc Lucie Lucien Madeleine Manon Marcel
        Margaux Marguerite Marianne Marine Martine Mathieu Mathilde Maurice Maxime Mélanie
        Michel Mireille Monique Nadège Nathalie Nicolas Noémie Odette Olivier Pascal Patrice
        Pauline Philippe Pierre Quentin Raphaël Raymond Régine Rémi Renaud René Rodolphe Roland
        Romain Sabine Sébastien Simone Solène Solange Sophie Stéphane Suzanne Sylvain Sylvie
        Théodore Théo Thérèse Thibault Thierry Tristan Valentin Valérie Véronique Victor Vincent
        Violette Virginie Viviane Xavier Yannick Yves Yvette Yvonne Zoé""",
    "Italy": """
        Achille Adele Adelina Agnese Agostino Alba Alberto Aldo Alessandra Alessandro Alessia
        Alessio Alfonso Alfredo Alice Ambra Andrea Angela Angelo Annalisa Anselmo Antonella
        Antonio Arianna Armando Arnaldo Arturo Asia Attilio Augusto Aurelio Aurora Azzurra
        Barbara Bartolomeo Beatrice Benedetta Benedetto Benito Bernardo Bianca Bruno Camilla
        Carla Carlo Carlotta Carmela Caterina Cecilia Celeste Cesare Chiara Cinzia Clara Claudia
        Claudio Corrado Cosimo Costanza Cristiano Cristina Damiano Daniela Daniele Dario Davide
        Debora Diego Domenico Donatella Donato Edoardo Elena Eleonora Elisa Elisabetta Emanuela
        Emanuele Emiliano Emilio Emma Enrica Enrico Enzo Ernesto Ettore Eugenio Fabiana Fabio
        Fabrizio Federica Federico Felice Ferdinando Filippo Fiorella Flavia Flavio Francesca
        Francesco Franco Gabriele Gaetano Gaia Gennaro Giacomo Gianluca Gianna Gianni Ginevra
        Giorgia Giorgio Giovanna Giovanni Giulia Giuliano Giulio Giuseppe Giuseppina Graziella
        Greta Guglielmo Guido Ilaria Irene Isabella Lapo Laura Leonardo Letizia Lidia Livia
        Lorena Lorenzo Luca Lucia Luciana Luciano Ludovica Ludovico Luigi Luisa Marcello Marco
        Margherita Maria Mariangela Marina Mario Marta Martina Massimo Matilde Matteo Mattia
        Maurizio Michela Michele Milena Mirella Nicola Nicoletta Nicolò Ornella Ottavia Paola
        Paolo Pasquale Patrizia Pietro Raffaele Raffaella Renata Renato Riccardo Rinaldo Roberta
        Roberto Rocco Romeo Rosalba Rosanna Rosaria Ruggero Sabrina Salvatore Samuele Sandro
        Sara Serena Sergio Silvana Silvia Silvio Simona Stefania Stefano Susanna Tommaso Tullio
        Umberto Valentina Valeria Vincenzo Viola Virgilio Vito Vittoria Vittorio""",
    "Japan": """
        Ai Aiko Akane Akemi Akihiko Akiko Akio Akira Arata Asami Asuka Atsuko Atsushi Aya Ayako
        Ayame Ayumi Chie Chieko Chihiro Chika Chikako Chinatsu Chiyo Daichi Daiki Daisuke Eiichi
        Eiji Eiko Emi Emiko Etsuko Fumiko Fumio Genta Goro Hana Hanako Haruka Haruki Haruko
        Haruto Hayato Hideaki Hideki Hideko Hideo Hikari Hikaru Hina Hinata Hiroaki Hiroki
        Hiroko Hiromi Hiroshi Hisako Hisao Hisashi Hitomi Hitoshi Honoka Ichiro Isamu Isao
        Itsuki Izumi Jiro Jun Junichi Junko Kaede Kaito Kana Kanako Kaori Kaoru Kasumi Katsuo
        Katsumi Kazue Kazuhiro Kazuki Kazuko Kazumi Kazuo Kei Keiichi Keiji Keiko Ken Kenichi
        Kenji Kenta Kiyoko Kiyoshi Kohei Koichi Koji Kotone Kumiko Kunio Kyoko Madoka Maiko Maki
        Makoto Mamoru Manabu Mao Mariko Masaaki Masahiro Masaki Masako Masami Masao Masaru
        Masashi Masato Mayu Mayumi Megumi Mei Michiko Midori Mieko Mika Miki Minoru Misaki
        Mitsuko Mitsuo Miyako Miyu Mizuki Momoka Motoko Nagisa Nana Nanami Naoki Naoko Naomi
        Natsuki Natsuko Noboru Nobuko Nobuo Noriko Norio Osamu Reiko Ren Rie Rika Riku Rina
        Rumiko Ryo Ryoko Ryota Saburo Sachiko Sadao Sakura Satoko Satomi Satoru Satoshi Sayaka
        Seiichi Seiji Setsuko Shigeo Shigeru Shinichi Shinji Shiori Shiro Shizuka Shizuko Sora
        Sota Sumiko Susumu Tadashi Taichi Takahiro Takako Takashi Takeo Takeshi Takumi Tamiko
        Taro Tatsuo Tatsuya Teruko Tetsuya Tomiko Tomohiro Tomoko Tomomi Toru Toshiaki Toshiko
        Toshio Tsubasa Tsutomu Umeko Wakana Wataru Yasuhiro Yasuko Yasuo Yoko Yoshiaki Yoshiko
        Yoshio Yoshinori Yui Yuka Yukari Yuki Yukiko Yukio Yumi Yumiko Yuriko Yusuke Yuta Yutaka
        Yuto""",
    "Spain": """
        Adolfo Adrián Agustín Aitana Alba Álvaro Alejandra Alejandro Alfonso Almudena Alonso
        Amalia Amparo Ana Andrés Ángel Ángeles Antonia Antonio Araceli Arturo Ascensión Asunción
        Aurora Beatriz Begoña Belén Benito Bernardo Blanca Borja Camila Candela Caridad Carlos
        Carlota Carmen Carmelo Carolina Catalina César Clemente Concepción Consuelo Cristina
        Cristóbal Dámaso Daniel David Diego Dolores Domingo Eduardo Elena Eloy Elvira Emilio
        Encarnación Enrique Ernesto Esperanza Esteban Estefanía Esther Eugenia Eulalia Eusebio
        Eva Felipe Fermín Fernanda Fernando Francisca Francisco Gabriel Gerardo Germán Gonzalo
        Gregorio Guadalupe Guillermo Gustavo Héctor Hernán Hugo Ignacio Inés Inmaculada Íñigo
        Irene Isabel Isidro Ismael Iván Jacinto Jaime Javier Jesús Jimena Joaquín Jorge José
        Josefa Juan Juana Julián Julio Laura Leandro Leocadia Leticia Lidia Lola Lorenzo Lourdes
        Luis Luz Macarena Manuel Manuela Marcos Margarita María Mariano Marisol Marta Martín
        Matías Mateo Maximiliano Mercedes Miguel Milagros Miriam Modesto Mónica Montserrat
        Natividad Nicolás Nieves Noelia Norberto Nuria Octavio Olga Óscar Pablo Paloma Paquita
        Pascual Pastora Patricia Paz Pedro Pilar Purificación Rafael Raimundo Ramiro Ramón
        Raquel Raúl Remedios Ricardo Rita Roberto Rocío Rodrigo Rosalía Rosario Rubén Salvador
        Samuel Santiago Sergio Severino Silvia Socorro Sofía Soledad Susana Tatiana Teodoro
        Teresa Tomás Trinidad Valentín Vicente Víctor Virginia Visitación Ximena Yolanda""",
    "Turkey": """
        Abdullah Adem Adnan Ahmet Ali Alper Arda Arzu Asiye Aslı Asuman Atakan Ayhan Ayla Aylin
        Aynur Aysel Aysun Ayşe Ayşegül Aziz Bahar Banu Barış Başak Bayram Begüm Bekir Belgin
        Berk Berna Beste Beyza Bilal Birgül Buğra Burak Burcu Bülent Canan Cansu Celal Cem Cemal
        Cemil Cemile Cengiz Ceren Cevdet Ceyda Çağla Çetin Çiğdem Demet Deniz Derya Dilek Doğan
        Ebru Ece Elif Emel Emine Emre Enver Erdal Erdem Erdoğan Eren Erhan Erkan Erol Ersin
        Ertuğrul Esma Esra Eylül Eyüp Fadime Fahri Faruk Fatih Fatma Ferhat Feride Fevzi Fikret
        Filiz Funda Gamze Gizem Gökçe Gökhan Gönül Gül Gülay Gülcan Güler Gülhan Gülsüm Gülten
        Gürkan Güven Hakan Haldun Halil Halime Hamza Handan Hande Hasan Hatice Havva Hayriye
        Hikmet Hülya Hüseyin Irmak Işıl İbrahim İlhan İlker İlknur İpek İrem İsmail İsmet Kaan
        Kadir Kadriye Kemal Kenan Kerem Koray Kübra Lale Levent Leyla Mahmut Mehmet Melek Melih
        Melike Meltem Meral Merve Mert Meryem Metin Mine Murat Mustafa Müge Müjde Münevver Nalan
        Nazan Nazlı Necati Necla Nermin Neslihan Nevin Nihal Nihat Nilgün Nilüfer Nur Nurcan
        Nuray Nurettin Nursel Oğuz Okan Oktay Onur Orhan Osman Oya Ozan Ömer Özge Özgür Özlem
        Pelin Pınar Polat Rabia Ramazan Recep Reyhan Rıza Rukiye Sabri Sadık Saliha Salih
        Sebahat Seda Sedat Selçuk Selda Selim Selin Selma Semra Serap Sercan Serdar Serhat
        Serkan Sevda Sevgi Sevil Sevim Sibel Sinan Songül Suat Süleyman Süreyya Şahin Şebnem
        Şenol Şerife Şule Taner Tarık Tolga Tuğba Tuncay Turgut Tülay Tülin Ufuk Uğur Ümit Vedat
        Veli Volkan Yağmur Yasemin Yavuz Yeliz Yıldız Yılmaz Yunus Yusuf Zafer Zehra Zeki Zeynep
        Zübeyde""",
}
"""Names by country."""
