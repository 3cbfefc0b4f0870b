using Heed.Models.Files;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models.Bert;
using Heed.Models.Custom;
using Heed.Models.DistilBert;
using Heed.Verification;
using Xunit;

namespace Heed.Models.Tests;

/// <summary>The norm of a masked-language head is shown to hooks, and what they put in its place reaches logits and loss.</summary>
public class MaskedHeadHookTests
{
    public static TheoryData<string> Heads => ["bert", "bert-pretraining", "roberta", "distilbert", "custom"];

    private static Model Make(string head)
    {
        ParameterSet set = new(ParameterSource.Random(3));
        BertConfig bert = new() { Layers = 1, Heads = 2, Width = 8, Vocabulary = 20, PositionRows = 16, PaddingId = 0 };
        return head switch
        {
            "bert" => MaskedLanguageModel.Create(bert, set),
            "bert-pretraining" => ModelFamilies.Build(HeadKind.PreTraining, bert, set),
            "roberta" => MaskedLanguageModel.Create(new RobertaConfig { Layers = 1, Heads = 2, Width = 8, Vocabulary = 20, PositionRows = 16, PaddingId = 1 }, set),
            "distilbert" => MaskedLanguageModel.Create(new DistilBertConfig { Layers = 1, Heads = 2, Width = 8, Vocabulary = 20, PositionRows = 16, PaddingId = 0 }, set),
            _ => MaskedLanguageModel.Create(new CustomConfig { Encoder = true, Layers = 1, Heads = 2, Width = 8, Vocabulary = 20, RmsNorm = true }, set),
        };
    }

    [Theory]
    [MemberData(nameof(Heads))]
    public void The_head_s_norm_is_seen_and_replaced(string head)
    {
        using Model model = Make(head);
        using TensorScope scope = TensorScope.Begin();
        ModelInputs inputs = new() { InputIds = TokenGrid.Of([[4, 5, 6, 7]]), Labels = TokenGrid.Of([[-100, 9, -100, 3]]) };
        string logits = head == "bert-pretraining" ? "prediction_logits" : "logits";
        ModelOutput plain = model.Run(inputs);
        List<string> seen = [];
        ModelOutput watched = model.Run(inputs, new RunOptions { Hooks = new Hooks().ObserveWhere(name => name.StartsWith("head.norm.", StringComparison.Ordinal), (name, x) => seen.Add($"{name} {x.Shape}")) });
        Assert.Contains("head.norm.out [4, 8]", seen);
        Assert.Contains("head.norm.scale [4, 1]", seen);
        Assert.Equal(OutputNames.Of(model, plain)[logits].ToArray(), OutputNames.Of(model, watched)[logits].ToArray());
        Assert.Equal(plain.Loss, watched.Loss);
        ModelOutput changed = model.Run(inputs, new RunOptions { Hooks = new Hooks().Replace("head.norm.out", (_, x) => x * 0f) });
        Assert.NotEqual(plain.Loss, changed.Loss);
        Assert.Equal(Math.Log(20), changed.Loss!.Value, 1e-5);
    }
}
