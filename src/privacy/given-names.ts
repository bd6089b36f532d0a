/**
 * Common given names of Europe, the Americas and South Asia, lower case. Written down by hand for this project from general knowledge (no
 * data set was copied), so it is under the project's own licence. It is short on purpose: a name that is on it counts only beside what
 * shows that a person is meant, and a list of every name there is would find people in products and places.
 */
export const GIVEN_NAMES: ReadonlySet<string> = new Set(
  `
  aaron abdul abigail adam adrian agnes ahmed aisha alan albert alejandro alex alexander alexandra alfred ali alice alicia alison amanda amelia
  amir amit amy ana anders andrea andreas andrew andrzej angela anil anita anja anna anne annette anthony antoine antonio anton arjun arthur
  asha astrid barbara beatrice benjamin bernard bernd beth bianca birgit björn bob brandon brenda brian bridget bruno bryan camille carl carla
  carlos carmen carol caroline catherine cecilia charles charlotte chiara christina christine christoph christopher claire claude claudia clara
  colin connor craig cynthia daniel daniela danielle david deborah deepak denise dennis derek diana diane diego dieter dimitri dirk dmitri
  dominic donald donna doris dorothy douglas dylan edith eduardo edward eileen elaine eleanor elena elisabeth elizabeth ella ellen emily emma
  enrique eric erik erika ernst esther ethan eugene eva evelyn fabian fatima felix fernando fiona florian francesca francesco francis francisco
  franz fred frederick friedrich fritz gabriel gabriela gareth gary george gerald gerard gertrud giovanni giulia gloria graham greg gregory
  guillaume gunter günter gustav hannah hans harold harriet heather heidi heike heinrich heinz helen helena helga henri henrik henry herbert hermann
  holger howard hugo ian ibrahim igor ines ingrid irene irina isaac isabel isabella isabelle ivan jacob jacqueline jake james jamie jan jane
  janet janice jason javier jean jeff jeffrey jennifer jeremy jessica jim joan joanna joanne joao joe joel johan johann johannes john johnny
  jonathan jorge jose josef joseph joshua josé juan juana judith judy julia julian julie juliette jürgen justin karen karin karl karolina kate
  katharina katherine kathleen kathryn katie katja keith kelly kenneth kerstin kevin khalid kim klaus konrad krishna kristen kristin krzysztof
  kumar kurt kyle lakshmi larry lars laura lauren lawrence leah lena leon leonard leonardo leslie liam linda lisa lorenzo lothar louis louise
  luca lucas lucia lucy ludwig luigi luis luisa lukas lydia magdalena manfred manuel manuela marc marcel marco marcus margaret maria marie marina
  mario marion marta martha martin martina mary maría mateusz mathias matteo matthew matthias maurice max maxime megan mehmet melanie melissa
  michael michel michelle miguel mike mikhail mohamed mohammad mohammed monica monika monique moritz muhammad nadia nadine nancy natalia natalie
  natasha nathan neil nicholas nick nicola nicole niels nigel nikhil nikolai nina noah nora norbert norman olga oliver olivia oscar oskar
  otto pablo pamela patricia patrick paul paula paulo pavel pedro peter petra philip philippe phillip pierre piotr prakash priya rachel rahul raj
  rajesh ralf ralph ramesh raphael ravi raymond rebecca regina reinhard renate ricardo richard rita robert roberta roberto robin rodrigo roger
  roland ronald rosa rosemary roy rudolf russell ruth ryan sabine sally salma samantha samuel sandeep sandra sanjay sara sarah sebastian sergei
  sergio shannon sharon shirley silvia simon simone sofia sonia sophia sophie stefan stefanie stephanie stephen steve steven stuart sunil susan
  susanne sven svetlana sylvia tamara tanja teresa theodor theresa thierry thomas tim timothy tina tobias todd tom tomasz tony torsten tracy ulrich
  ursula uwe valentina valerie vanessa vera veronica victor victoria vijay vikram vincent vladimir volker walter waltraud wanda wayne wendy werner
  wilhelm william wolfgang xavier yasmin yusuf yves yvonne zachary zoe
  `
    .trim()
    .split(/\s+/),
);
