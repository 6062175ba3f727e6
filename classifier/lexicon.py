"""Word lists behind the lexical features, by concept; stems match as prefixes, in several languages.

Everything is lower case and without accents (see `features.fold`). A stem ending in `=` matches the whole word only.
"""

from __future__ import annotations

from typing import Final

CONCEPTS: Final[dict[str, str]] = {
    "greeting": "hi= hello hey= hallo= hola= bonjour salut= ciao= moin= privet namaste goodbye bye= morning=",
    "thanks": "thanks thank thx= ty= danke merci= gracias grazie= obrigad spasibo arigato cheers= ok= okay= great= "
    "perfect= cool= nice= awesome=",
    "prove": "prove= proof proofs= proving proven= theorem lemma corollary beweis demontr demostr demuestr dimostr "
    "axiom conjecture contradict induction rigorous prouv montr zeige= zeigen= zeig= dowod udowod bewijs докаж доказ "
    "classify-all show-that uniqueness existence",
    "calculate": "calculat comput solve= solving evaluate simplif determine berechn rechne calcul resolv resuelv "
    "resoud risolv integrat integral= differentiat derivativ equation gleichung ecuacion",
    "number_words": "percent ratio average total= twice= half= double= triple= remaining each= per= cost price dollar "
    "euro hour minut mile kilomet meter profit discount speed",
    "advanced_maths": "topolog manifold eigen hilbert banach homolog cohomolog galois abelian homomorph isomorph "
    "polynomial matri tensor fourier laplac stochastic martingal bayes measure-theor lebesgue modul combinator "
    "asymptotic convex lagrang hessian jacobian converge bijecti injecti surjecti operator= compactness ring= "
    "group-theor subgroup prime= divisib congruen diophant riemann markov",
    "science": "quantum thermodynam entropy relativ electromagn enzym mitochond genom protein molecul reaction "
    "oxidat catalys stoichiom spectro phylogen neuro immun pharmacol kinetic equilibrium photon boson fermion "
    "euler-lagrange dirac einstein gauge renormal perturbat feynman symmetr stereochem reagent synthesis= lagrangian "
    "isotope plasma= crystallograph orbital= hamiltonian wavefunction crispr transcript= receptor pathogen",
    "law": "plaintiff defendant statute court contract liabil tort= negligen jurisdict clause gdpr indemn breach "
    "litigat appell constitution amendment felony damages compliance",
    "medicine": "patient diagnos symptom year-old treatment therap clinical syndrome dosage renal cardiac hepat "
    "biopsy lesion serum blood prognos contraindic surgery",
    "finance": "depreciat amortiz portfolio derivative hedge option-pric npv= irr= wacc= ebitda valuation bond= yield "
    "tax= revenue balance-sheet equity audit",
    "code": "python javascript typescript java= rust= golang kotlin swift= c++ c# sql= bash= html= css= php= ruby= "
    "react= node= api= function= class= method= script= regex algorithm code= coding programm compil variable "
    "array= string= json= yaml= docker kubernetes kubectl git= async await= import= def= return= const= null= "
    "codigo funktion funcion fonction loop= query= database функц функци программ kod= kode=",
    "debug": "bug= bugs= debug error exception traceback stacktrace segfault crash fails= failing race= deadlock "
    "flaky leak memory-leak undefined nullpointer panic= regression refactor",
    "systems": "concurren distribut scalab throughput latency consensus raft= paxos= kafka sharding shard replicat "
    "transaction idempot lock-free mutex atomic linearizab microservice cache-invalid kernel= scheduler "
    "thread-safe threads= cuda gpu= compiler optimis optimiz backpressure crdt partition verteilt reparti distribuid "
    "nebenlauf verklemm concurrent fault-toleran tolerant failover multi-region regions memory-order lease= tla+",
    "design": "architect design= designing schema= system= infrastructure migrat blueprint roadmap specification "
    "protocol trade-off tradeoff",
    "translate": "translat ubersetz traduc traduis traduir tradu perevedi vertaal tlumacz oversaett cevir",
    "languages": "english= french= german= spanish= italian= portuguese= chinese= mandarin japanese= korean= russian= "
    "arabic= hindi= turkish= dutch= polish= swedish= latin= deutsch englisch ingles anglais frances espanol greek=",
    "summarise": "summar tldr= condens recap= zusammenfass resum riassum gist= shorten bullet key-point takeaway "
    "abstract= samenvat",
    "classify": "classif categor sentiment label spam= positive= negative= toxic intent= whether klassifiz clasific "
    "yes= true= false= detect ",
    "extract": "extract entit pull-out fields= parse= list-all find-all identify extrah extra= extrae extrai names= "
    "dates= invoice",
    "rewrite": "rewrit rephras paraphras proofread grammar spelling correct improv polish= edit= fix= formal "
    "professional tone= umschreib korrigier corrig",
    "generate": "write draft compose creat generat schreib escrib ecris ecrire scrivi essay story poem blog= slogan "
    "caption tweet lyrics haiku limerick headline cover-letter letter= email= e-mail speech= tagline script= "
    "product-description joke",
    "brainstorm": "brainstorm ideas= idea= suggest recommend tips= names-for list= give= vorschlag ideen sugier "
    "sugerenc propos itinerary plan= recipe menu= gift",
    "explain": "explain erklar expliq explic spiega why= how= describe difference meaning mean= warum porque "
    "pourquoi perche what=",
    "analyse": "analy compar evaluat critiq assess implicat argument counter consequen trade-off pros= cons= "
    "perspectiv interpret discuss synthes evidence hypothes assum infer vergleich",
    "logic": "puzzle riddle logic deduc paradox knight knave liar syllogism island= houses= seated sits= neighbor "
    "exactly-one clue truth-table premise conclusion follows= rätsel raetsel",
    "reasoning": "step-by-step reason think= carefully consider suppose= assume= if= given= therefore justify "
    "because optimal minimum maximum minimi maximi schedule strategy probability likely",
    "constraint": "must= exactly at-least at-most no-more without= only= never= ensure avoid= including include "
    "except each= every= strictly format= limit maximum= minimum= words= sentences= paragraphs= between= respect",
    "format": "json= table= csv= markdown xml= yaml= schema= bullet column= columns= rows= header",
    "roleplay": "act= pretend role= roleplay imagine= persona character= simulate interviewer",
    "agent": "agent tool= tools= repository repo= pull-request commit= tests= pipeline deploy ci= workspace terminal "
    "shell= log= logs= ticket plan= milestones",
    "negation": "not= except= none= neither nor= cannot isn don doesn incorrect wrong false= least=",
    "opinion": "feel= feeling advice should= opinion favorite favourite love= friend boyfriend girlfriend mom= dad= "
    "wife= husband sad= happy= lonely bored birthday weekend",
    "service": "account= order= refund card= password delivery payment subscription cancel booking transfer pin= "
    "app= customer= support= charged fee= invoice=",
    "lookup": "who= when= where= capital= country= year= born= invented wrote= population author= name= define "
    "definition synonym antonym spell= abbreviation stands=",
    "moral": "moral ethic wrong= right= dilemma virtue unethical",
    "research": "methodolog causal confound regression= significan experiment literature dissertation peer-review "
    "statistical estimator econometric instrument meta-analy novel= state-of-the-art",
}

# Scripts without spaces between words: substrings.
CJK: Final[dict[str, str]] = {
    "prove": "证明 証明 증명",
    "calculate": "计算 計算 求解 解方程 計算して 계산",
    "code": "代码 コード 函数 関数 编写程序 코드 程序",
    "translate": "翻译 翻譯 翻訳 번역",
    "summarise": "总结 摘要 要約 요약 概括",
    "generate": "写一 書いて 作文 写作 작성",
    "explain": "解释 説明 설명 为什么 なぜ",
    "thanks": "谢谢 ありがとう 감사",
    "greeting": "你好 こんにちは 안녕",
    "analyse": "分析 比较 比較 분석",
    "systems": "分布式 分散 并发 並行 분산",
    "design": "设计 設計 설계",
}
