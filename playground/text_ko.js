// The page's text in Korean. What is missing here is shown in English.
const count = (n) => n.toLocaleString("ko");
const percent = (x) => `${(100 * x).toFixed(1)} %`;

function duration(seconds) {
  if (seconds < 1.5) return "약 1초";
  return seconds < 90 ? `약 ${Math.round(seconds)}초` : `약 ${Math.round(seconds / 60)}분`;
}

const states = { waits: "빈 코어를 기다리는 중", runs: "배우는 중", paused: "잠시 멈춤", done: "끝남", stopped: "중지됨",
  "nobody asked": "끝남: 더는 묻는 페이지가 없음" };

export const text = {
  language: "ko",
  intro: "순수 Python으로 쓴 아주 작은 언어 모델 두 개. 여기 보이는 모든 수는 이 프로젝트의 파일이 직접 계산하고, " +
    "이 페이지는 그리기만 합니다.",
  chapters: "장", chapterNames: { guess: "맞히기", lookback: "돌아보기", plane: "평면", learn: "학습", verdict: "판정",
    experiment: "실험" },
  views: "보기", tabTrain: "학습", tabLook: "안을 보기", tabGrad: "기울기", tabExercise: "연습",
  predict: "예상해 보세요:", nowStart: "적어 두었습니다. 이제 시작하세요.",
  named: (name) => name === "Grassmann" ? "Grassmann, 학습됨" : name === "attention" ? "어텐션, 학습됨" : `${name}, 학습됨`,

  opening: "이름을 로마자로 써 보세요. 다음 글자는 무엇일까요?",
  whichNext: (word, n) => n ? `“${word.slice(0, n)}” 다음:` : "맨 처음:",
  readUpTo: (word, n) => n ? `모델은 “${word.slice(0, n)}”까지 읽었습니다` : "모델은 아직 아무것도 읽지 않았습니다",
  cameAs: (letter, rank, odd) => `실제로 온 글자는 “${letter}”: ${rank}번째 후보, ${percent(odd)}.`,
  cameEnd: (odd) => `이름이 여기서 끝날 확률은 ${percent(odd)}.`,
  guessStory: "두 모델은 이름 5,000개를 한 글자씩 읽고 배웠으며, 그 밖에는 아무것도 모릅니다. 하나는 큰 언어 모델처럼 " +
    "어텐션으로 앞 글자들을 돌아봅니다. 다른 하나는 Grassmann 층으로, 평면을 봅니다.",
  guessDrag: "끌어 보세요: 이름을 어디까지 읽었나",
  surpriseQuestion: (word) => `“${word}”에서 모델을 가장 놀라게 하는 글자는?`,
  surpriseAnswer: (most, isRight) => `${isRight ? "맞습니다." : "그 글자가 아닙니다."} ` + most.map(([name, letter, loss]) =>
    `${name}: “${letter}”, ${loss.toFixed(2)} nat`).join("; ") + ".",
  surprise: "놀람, nat", meanLoss: "평균",
  surpriseNote: "놀람은 실제로 온 글자에 모델이 준 확률의 로그에 음수를 붙인 값입니다. 그 평균이 손실이고, 학습은 이것을 " +
    "줄입니다. 27개 가운데 아무렇게나 고르면 3.30입니다.",

  backTitle: "어디를 돌아볼까요?",
  backStory: "다음 글자를 맞히려고 두 모델 모두 지금 글자에서 뒤를 돌아봅니다. 어텐션은 지금 글자와 앞의 모든 글자를 보고, " +
    "각각을 얼마나 볼지 매번 새로 정합니다. Grassmann 층은 정해진 거리, 곧 1, 2, 4, 8, 12, 16칸 앞을 보고 모두 같은 " +
    "몫을 줍니다.",
  backDrag: "끌어 보세요: 지금 글자",
  letterAt: (position, letter) => `위치 ${position}, ${letter === "BOS" ? "BOS(시작 표시)" : letter}`,
  backQuestion: (letter, position) => `위치 ${position}의 “${letter}”에서 Grassmann 층은 앞의 글자를 몇 개 볼까요? ` +
    "(시작 표시 BOS도 하나로 셉니다.)",
  backAnswer: (guess, number, position) => `${guess === number ? "맞습니다" : `${guess}개가 아닙니다`}: ${number}개를 봅니다. ` +
    (position ? `어텐션은 자기 자신까지 ${position + 1}개를 모두 봅니다.` : "BOS 앞에는 아무것도 없습니다."),

  planeTitle: "두 글자가 평면을 펼칩니다",
  planeStory: "이 학습된 모델에서는 각 자리의 글자가 수 세 개로 된 화살표입니다. 그릴 수 있도록 r = 3입니다; " +
    "아래 모델들은 r = 4로 시작합니다. 지금 글자의 화살표와 앞 글자의 화살표가 평행사변형을 이루고, 그 세 그림자의 부호 있는 넓이가 p입니다. 층은 길이를 1로 맞춘 기울기만 남깁니다: 원판입니다. " +
    "화살표 끝을 끌거나 그림을 돌려 보세요.",
  planeDrag: "지금 글자의 화살표 길이", partners: "앞 글자들",
  spaceLabel: "공간 그림: 끌거나 화살표 키로 돌립니다",
  tip: (name, vector) => `${name}의 끝, ${vector.map((x) => x.toFixed(2)).join(", ")}; 화살표 키로 옮깁니다`,
  swap: "앞 글자 둘을 바꾸기", parallel: "나란하게 만들기", reset: "모델의 화살표로 되돌리기",
  coordinate: "좌표", plane: "p", unit: "길이를 1로", mean: "평균", size: "길이",
  planeLegend: (now, before, several) => [["vec s0", `${now}의 화살표`], ["area", `${before}와 이루는 평행사변형`],
    ["disc", "단위 평면, 크기는 늘 같음"], ["normal s1", "단위 평면에 수직인 화살표"],
    ...(several ? [["normal mean", "그 평균: 층이 넘겨주는 것"]] : [])],
  ago: (letter, n) => `${letter}, ${n}칸 앞`,
  stretchQuestion: (now) => `${now}의 화살표를 두 배로 늘리면 원판은 어떻게 될까요?`,
  stretchChoices: [["grow", "커진다"], ["tilt", "기운다"], ["stay", "그대로다"]],
  stretchAnswer: (guess, before, after) => `${guess === "stay" ? "맞습니다." : "직접 보세요."} 넓이는 ` +
    `${before.length.toFixed(3)}에서 ${after.length.toFixed(3)}이 되었습니다. 길이를 1로 맞춘 p는 ` +
    `${before.unit.map((x) => x.toFixed(3)).join(", ")}였고 지금은 ${after.unit.map((x) => x.toFixed(3)).join(", ")}입니다. ` +
    "층은 화살표의 길이를 볼 수 없습니다.",
  swapped: (before, after) => `평균은 ${before.map((x) => x.toFixed(3)).join(", ")}였고 지금은 ` +
    `${after.map((x) => x.toFixed(3)).join(", ")}입니다. 둘 가운데 어느 것이 더 가까웠는지는 사라집니다.`,

  learnTitle: "배우는 모습을 보세요",
  learnStory: "아무것도 모르는 두 모델이 이름 300개를 읽습니다. 운이 다른 세 번, 곧 시드 세 개로, 처음 가중치와 순서가 " +
    "다릅니다. 선은 시드들의 평균, 띠는 가장 좋은 것에서 가장 나쁜 것까지입니다.",
  learnQuestion: "처음 보는 이름을 어느 쪽이 더 잘 맞힐까요?",
  learnChoices: [["attention", "어텐션"], ["Grassmann", "Grassmann"], ["level", "시드 세 개로는 판가름 나지 않는다"]],
  learnStart: "배우게 하기",
  learnAnswer(losses, guess) {
    const [one, other] = ["attention", "Grassmann"].map((name) => losses[name]);
    const range = (list) => `${Math.min(...list).toFixed(3)}–${Math.max(...list).toFixed(3)}`;
    const winner = Math.max(...one) < Math.min(...other) ? "attention"
      : Math.max(...other) < Math.min(...one) ? "Grassmann" : "level";
    return `처음 보는 이름의 손실: 어텐션 ${range(one)}, Grassmann ${range(other)}. ` +
      (winner === "level" ? "범위가 겹칩니다: 시드 세 개로는 판가름 나지 않습니다." : `${winner}의 모든 시드가 앞섭니다.`) +
      (guess ? guess === winner ? " 예상대로입니다." : " 예상과 다릅니다." : "");
  },
  learnDrag: "끌어 보세요: 학습의 한 순간",

  verdictTitle: "대안이 될까요?",
  verdictStory: "무엇을 묻느냐에 달렸습니다. 경주에서는 모두 같은 글로, 시드 세 개로 배웁니다. 선은 평균, 띠는 가장 나쁜 시드에서 " +
    "가장 좋은 시드까지입니다.",
  raceAsks: { dominance: "가위바위보: 지금 손이 1, 2, 4, 8, 16칸 앞의 손들 가운데 더 많은 쪽을 이길까요? 두 손의 자리를 바꾸면 " +
    "이기고 지는 것이 뒤집힙니다. 평면의 부호처럼.",
    brackets: "괄호는 세기를 묻습니다: 모든 )에는 제 (가 있어야 합니다. 문자열이 처음 틀린 자리를 표시합니다." },
  verdictQuestion: "누가 가장 잘할까요?",
  raceStart: "경주 시작", chance: "늘 같은 답", rightAxis: "맞은 답, %",
  rightAnswers: (right, chance) => `답의 ${percent(right)}가 맞음; 늘 같은 답: ${percent(chance)}.`,
  raceAnswer: (guess, best) => !best ? "" : guess === best ? `맞습니다: 시드 평균으로 ${best}가 앞섭니다.`
    : `시드 평균으로 ${best}가 앞섭니다.`,
  raceResult(trainings, samples) {
    const done = trainings.filter((t) => t.state === "done");
    if (done.length < trainings.length) {
      return `시드 ${trainings.length}개 중 ${done.length}개 끝남, ` +
        `${trainings.filter((t) => t.state === "runs").length}개 배우는 중.`;
    }
    if (done[0].right !== undefined) return `맞은 답: ${done.map((t) => percent(t.right)).join(", ")}.`;
    return `처음 보는 글의 손실: ${done.map((t) => t.held_out.toFixed(3)).join(", ")}. 문자열 ${samples.length}개 중 ` +
      `${samples.filter(([, wrong]) => wrong === null).length}개에 실수가 없음.`;
  },
  gridTitle: "어떤 물음에 어떤 층?",
  gridStory: ({ steps, length, signs }) => `기호 ${length}개(${signs}가지)로 된 글 ${count(steps)}개를 배운 뒤 맞은 답의 퍼센트: ` +
    "시드 열 개의 평균 ± 95 % 구간의 절반. 칸마다 학습률은 그 열 개가 아닌 시드 두 개로 해 보아 가장 좋았던 것입니다: " +
    ".003, .01, .03 가운데, 가장 좋은 것이 끝이면 .001이나 .09까지. 같은 층을 PyTorch로, 배정밀도로 계산했습니다(모든 실행은 " +
    "large/small.jsonl에). 칸을 가리키면 학습률과 가장 나쁜 시드, 가장 좋은 시드가 보이고, 누르면 시드 두 개로 그 경주를 시작합니다.",
  cellLabel: (task, layer, right, worst, best, rate) => `${task}, ${layer}: 맞은 답 ${right} %, 가장 나쁜 시드 ${worst}, ` +
    `가장 좋은 시드 ${best}, 학습률 ${rate}; 이 경주 시작`,
  costTitle: "비용", costDrag: "끌어 보세요: 글의 길이",
  costIntro: "글자 L개를 읽을 때: 각 모델이 만드는 Value의 수(엔진이 셉니다)와 살펴보는 위치 쌍의 수(층 하나, 어텐션은 " +
    "헤드 하나).",
  mixer: "모델", nodes: "만든 Value", pairs: "쌍", tokens: "글자",

  experimentTitle: "실험",
  experimentStory: "모든 것을 손으로: 아무 층, 아무 과제, 나만의 글, 가는 길의 모든 수.",
  badAddress: (name, value, used) => `이 페이지의 주소에 ${name}=${value}라고 되어 있지만 맞지 않아 ${used}을(를) 씁니다.`,
  trainIntro: "두 모델이 같은 문서로 같은 순서로 나란히 배웁니다. 시드 하나는 한 번의 운입니다: 차이를 믿기 전에 여러 번 해 보세요.",
  first: "하나", second: "다른 하나", task: "과제", tasks: { names: "이름", brackets: "괄호", text: "나만의 글",
    dominance: "가위바위보", "dominance 4": "가위바위보 4 (한 손)", recall: "기억", copy: "베끼기", repeat: "되풀이",
    induction: "귀납", parity: "홀짝", "open brackets": "열린 괄호" },
  steps: "단계", seed: "시드", layers: "층", offsets: "돌아보는 거리", paste: "글, 한 줄에 문서 하나", file: "텍스트 파일",
  none: "(없음)", start: "시작", pause: "잠시 멈춤", goOn: "계속", stop: "중지",
  pasteFirst: (most) => `글을 붙여 넣거나 파일을 고르세요: ${count(most)}자까지.`,
  documents: ({ documents, symbols, cut, block, asks }) => (asks ? `무작위 글에 묻는 것: ${asks} ` : "") + `문서 ${count(documents)}개, 서로 다른 글자 ${count(symbols)}개.` +
    (cut ? ` ${count(cut)}개는 모델이 읽는 ${block - 1}자보다 길어 끝이 잘립니다.` : ""),
  room: (used, most) => `${count(most)}자 가운데 ${count(used)}자.`,
  fileCut: (size, most) => `파일은 ${count(size)}자입니다. 앞의 ${count(most)}자만 가져왔습니다.`,
  other: "이미 무언가 학습하고 있습니다. 다른 탭에서, 또는 새로 고치기 전에 시작한 것입니다.",
  followOther: "여기서 따라 보기", stopOther: "중지하기",
  runState({ state, speed, remaining }) {
    if (state === "runs" && speed) return `초당 ${speed < 10 ? speed.toFixed(1) : Math.round(speed)}단계, ${duration(remaining)} 남음.`;
    return { none: "", starts: "시작하는 중 …", runs: "Python이 준비하는 중 …", paused: "잠시 멈춤.", ended: "",
      silent: "대답이 없습니다. playground.py가 아직 돌고 있나요? 2초마다 다시 묻습니다.",
      lost: "잃어버림: Python이 새로 시작되어 이 학습을 더는 모릅니다. 그림은 그때까지 들은 것입니다." }[state];
  },
  trainingState: ({ state, losses, parameters, error }, steps) => `${states[state] ?? `실패: ${error}`}, ` +
    `${count(steps)}단계 중 ${count(losses.length)}` + (parameters ? `, 가중치 ${count(parameters)}개` : ""),
  step: "단계", loss: "손실", ofLast: "마지막 문서 20개의 평균", unseen: "처음 보는 문서의 손실", blind: "무작위 추측",
  count1: "횟수 표, 글자 하나", count2: "횟수 표, 글자 둘", writes: (step) => `${count(step)}단계 뒤에 쓴 것:`, empty: "(빈 글)",

  lookIntro: "낱말을 쓰고 글자를 고르세요. 모델은 거기까지 읽었고 다음에 올 글자를 계산합니다: 위에서 아래로, 가는 길의 수들입니다.",
  word: "낱말 또는 그 앞부분", model: "모델", beside: "나란히", layer: "층", moment: "학습의 순간",
  untrained: "학습 전", savedMoment: "5,000단계 뒤, 페이지와 함께 둔 모델", afterSteps: (step) => `${count(step)}단계 뒤`,
  seen: ({ word, trained, position }) => `“${word.slice(0, position)}”까지 읽었습니다` +
    (word.length > position ? `(“${word}” 가운데)` : "") + `; ${trained ? "학습된" : "학습하지 않은"} 가중치.`,
  next: "다음에 올 것", inside: "층이 계산하는 것", source: "코드의 줄", letters: "글자: 위치를 고르세요", inNumbers: "수로 보기",
  end: "끝", point: "수를 가리키거나 Tab과 화살표 키로 옮겨 가세요.", weightsOf: "가중치:",
  position: (s, letter) => `위치 ${s} (${letter})`,
  scales: "각 줄은 위의 줄들로 만들어집니다. 막대의 눈금은 ±1, ±4처럼 몇 가지뿐이고, 줄마다 적혀 있습니다.",
  looksAt: (letter, { s, share, length }) => `위치 ${s} (${letter}): 몫 ${percent(share)}` +
    (length === undefined ? "" : `, 길이를 맞추기 전 평면의 길이 ${length.toPrecision(3)}; 짧을수록 두 벡터가 나란한 것에 가깝습니다`),
  noArcs: "이 층에는 호가 없습니다",

  gradIntro: "식의 그래프. 한 걸음씩, 각 마디가 자기를 만든 마디들에 기울기를 건네줍니다. (켜진 ReLU는 수 그 자체라서 엔진이 " +
    "마디를 만들지 않습니다.)",
  expression: "식", values: "값", build: "만들기", back: "한 걸음 뒤로", forth: "한 걸음 앞으로", graph: "식의 그래프",
  startHere: "끝의 기울기는 1입니다. 나머지는 기다립니다.",
  handed: (n, of, node, child, local, grad, becomes) => `${of} 중 ${n}: ${node} → ${child}: ${local} · ${grad}; ` +
    `기울기는 이제 ${becomes}.`,

  exerciseIntro: "모델의 함수를 한 단계씩 직접 써 보세요. 나머지는 모델 파일의 것입니다. 검사는 처음 틀린 것을 말하고, 알려진 " +
    "실수라면 어떤 실수인지도 말합니다.",
  exerciseStep: "단계", exerciseCheck: "검사", exerciseHint: "도움말", exerciseCode: "코드",
  exerciseWaits: "검사하는 중 … (끝나지 않는 반복은 끝나지 않습니다: 그때는 페이지를 새로 여세요)",
  exerciseElsewhere: "이 단계들은 터미널에서 검사합니다: python3 exercises.py start mine.py. (서버 없는 " +
    "사이트에서는 여기서 검사합니다.)",
  exerciseVerdicts: { right: "맞습니다.", wrong: "아직 맞지 않습니다.", "not written": "아직 쓰지 않았습니다.", "not run": "실행되지 않습니다." },

  noAnswer: "대답이 없습니다: playground.py가 아직 돌고 있나요?",
  loading: (seconds) => `Python을 불러오는 중, ${seconds}초. 처음에는 시간이 걸립니다: 1,400만 바이트. 그다음에는 모든 것이 이 ` +
    "브라우저 안에서 돌고, 쓴 것은 밖으로 나가지 않습니다.",
  loadingLabel: "Python을 얼마나 불러왔나",
  noPyodide: (place) => `${place}에서 Python을 불러오지 못해 이 페이지는 계산할 수 없습니다. 연결되어 있나요? 터미널에서 ` +
    "python3 playground.py는 연결이 필요 없습니다.",
};
