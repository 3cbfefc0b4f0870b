using Heed.Training.Symptoms;

namespace Heed.Doctor;

/// <summary>What an examination has found so far.</summary>
internal sealed class Notes(string subject, string kind)
{
    private readonly List<Finding> _findings = [];
    private readonly List<string> _judged = [];
    private readonly List<UnjudgedRule> _unjudged = [];

    /// <summary>A rule was looked at.</summary>
    public void Judged(string rule)
    {
        if (_judged.Contains(rule)) return;
        _judged.Add(rule);
        _unjudged.RemoveAll(u => u.Rule == rule);
    }

    /// <summary>A rule applies and could not be looked at.</summary>
    public void NotJudged(string rule, string why)
    {
        if (!_judged.Contains(rule) && !_unjudged.Exists(u => u.Rule == rule)) _unjudged.Add(new UnjudgedRule(rule, why.TrimEnd('.')));
    }

    /// <summary>A mistake of a rule of <see cref="DoctorRule.All"/>.</summary>
    public void Add(string rule, string place, string evidence, string fix)
        => Add(new Finding(rule, place, evidence, DoctorRule.Of(rule).Harm, fix));

    /// <summary>A finding that is made already; the same one of the same place comes once.</summary>
    public void Add(Finding finding)
    {
        Judged(finding.Rule);
        if (!_findings.Exists(f => f.Rule == finding.Rule && f.Place == finding.Place)) _findings.Add(finding);
    }

    /// <summary>Judges rules; what the subject refuses is noted instead of thrown.</summary>
    public void Judge(string rule, Action look)
    {
        try
        {
            look();
            Judged(rule);
        }
        catch (InputException e)
        {
            NotJudged(rule, e.Message);
        }
    }

    /// <summary>The report, findings in the order of the rules.</summary>
    public ExaminationReport Report()
    {
        List<string> order = [.. DoctorRule.All.Select(r => r.Name)];
        return new ExaminationReport(subject, kind, [.. _findings.OrderBy(f => order.IndexOf(f.Rule))],
            [.. _judged.OrderBy(order.IndexOf)], [.. _unjudged.OrderBy(u => order.IndexOf(u.Rule))]);
    }
}
